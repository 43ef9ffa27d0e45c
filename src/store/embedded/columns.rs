//! Values as they stand in columns. What cannot be read back is an error, never a gap.

use std::{error::Error, fmt::Display, str::FromStr, sync::Arc};

use rusqlite::{
    ErrorCode, Row, ToSql,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, Type, ValueRef},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{auth_method::Assurance, clock::Timestamp, secret::Digest, session::ClientKind, store_error::StoreError};

/// Something that has one spelling: an id, an address.
pub(super) struct AsText<T>(pub(super) T);

/// Something that is kept as JSON.
pub(super) struct AsJson<T>(pub(super) T);

/// The file itself is damaged, and not what one row holds: no act can be relied on.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the file is damaged; stop Portcullis, and put a copy of it back: {0}")]
pub(super) struct FileDamaged(Arc<rusqlite::Error>);

/// The domain's word for what `SQLite` said.
pub(super) fn store_error(error: rusqlite::Error) -> StoreError {
    use rusqlite::Error as E;
    let unreadable = matches!(
        &error,
        E::FromSqlConversionFailure(..) | E::InvalidColumnType(..) | E::IntegralValueOutOfRange(..) | E::Utf8Error(..)
    );
    if is_corruption(&error) {
        FileDamaged(Arc::new(error)).into()
    } else if unreadable {
        StoreError::Unreadable(Box::new(error))
    } else {
        StoreError::Unavailable(Box::new(error))
    }
}

impl FileDamaged {
    /// Why a transaction was lost, where it is that.
    pub(super) fn from_sqlite(error: &Arc<rusqlite::Error>) -> Option<Self> {
        is_corruption(error).then(|| Self(Arc::clone(error)))
    }

    /// The same as a store tells it, where it is that.
    pub(super) fn from_store(why: &StoreError) -> Option<&Self> {
        match why {
            StoreError::Unavailable(why) => why.downcast_ref(),
            StoreError::Unreadable(_) => None,
        }
    }
}

impl From<FileDamaged> for StoreError {
    fn from(damaged: FileDamaged) -> Self {
        Self::Unavailable(Box::new(damaged))
    }
}

fn is_corruption(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// Reads a column by a rule of the domain.
pub(super) fn parse_column<T, E>(
    row: &Row<'_>,
    column: usize,
    rule: impl FnOnce(&str) -> Result<T, E>,
) -> rusqlite::Result<T>
where
    E: Error + Send + Sync + 'static,
{
    let text = row.get_ref(column)?.as_str()?;
    rule(text).map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

/// A count as `SQLite` counts; what is beyond that stays at the most.
pub(super) fn saturating_i64(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

impl<T: Display> ToSql for AsText<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.to_string().into())
    }
}

impl<T: FromStr<Err: Error + Send + Sync + 'static>> FromSql for AsText<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map(Self).map_err(FromSqlError::other)
    }
}

impl<T: Serialize> ToSql for AsJson<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let text = serde_json::to_string(&self.0).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
        Ok(text.into())
    }
}

impl<T: DeserializeOwned> FromSql for AsJson<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map(Self).map_err(FromSqlError::other)
    }
}

impl ToSql for Timestamp {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_millis().into())
    }
}

impl FromSql for Timestamp {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self::from_millis)
    }
}

impl ToSql for Digest {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_bytes().as_slice().into())
    }
}

impl FromSql for Digest {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_blob()?;
        Self::from_bytes(bytes).ok_or(FromSqlError::InvalidBlobSize { expected_size: 32, blob_size: bytes.len() })
    }
}

impl ToSql for Assurance {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(u8::from(*self).into())
    }
}

impl FromSql for Assurance {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::try_from(u8::column_result(value)?).map_err(|_| FromSqlError::InvalidType)
    }
}

impl ToSql for ClientKind {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Web => "web",
            Self::App => "app",
        }
        .into())
    }
}

impl FromSql for ClientKind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "web" => Ok(Self::Web),
            "app" => Ok(Self::App),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}
