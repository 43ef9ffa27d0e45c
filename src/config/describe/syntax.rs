//! Syntax of the values of keys, and what is said of one that is out of its range.

use std::convert::identity;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::{Bounded, Syntax};
use crate::config::from_node::KeywordSet;
use crate::config::ranges::range_error;
use crate::config::value::accent::AccentValue;
use crate::config::value::address::ListenAddress;
use crate::config::value::duration::{self, FiniteDuration};
use crate::config::value::link::{AppPath, HomeLink, SupportLink};
use crate::config::value::size::ByteSize;
use crate::config::value::text::PlainLabel;
use crate::session::TimeLimit;
use crate::web::theme::Accent;

/// Implements [`Syntax`] for types that are their own value, and for newtypes around it.
macro_rules! plain {
    ($($syntax:ty => $value:ty: $from:expr),* $(,)?) => {$(
        impl Syntax<$value> for $syntax {
            fn into_value(self) -> $value {
                ($from)(self)
            }

            fn serialize<S: Serializer>(value: &$value, serializer: S) -> Result<S::Ok, S::Error> {
                value.serialize(serializer)
            }
        }
    )*};
}

plain! {
    bool => bool: identity,
    String => String: identity,
    ByteSize => ByteSize: identity,
    PlainLabel => String: |written: Self| written.0,
    AppPath => String: |written: Self| written.0,
    HomeLink => String: |written: Self| written.0,
    SupportLink => String: |written: Self| written.0,
    ListenAddress => SocketAddr: |written: Self| written.0,
}

/// Implements [`Syntax`] and [`Bounded`] for numbers, all of which are read as `u32`.
macro_rules! numbers {
    ($($value:ty: $from:expr),* $(,)?) => {$(
        impl Syntax<$value> for u32 {
            fn into_value(self) -> $value {
                ($from)(self)
            }

            fn serialize<S: Serializer>(value: &$value, serializer: S) -> Result<S::Ok, S::Error> {
                value.serialize(serializer)
            }
        }

        impl Bounded for $value {
            type Bound = Self;

            fn range_error(&self, range: &RangeInclusive<Self>) -> Option<String> {
                let (least, most) = (range.start(), range.end());
                (!range.contains(self)).then(|| format!("{self} is out of range; write a number from {least} to {most}"))
            }
        }
    )*};
}

numbers! {
    u32: identity,
    u64: u64::from,
    usize: |written| usize::try_from(written).unwrap_or(usize::MAX),
}

impl<T: KeywordSet + JsonSchema + Serialize> Syntax<Self> for T {
    fn into_value(self) -> Self {
        self
    }

    fn serialize<S: Serializer>(value: &Self, serializer: S) -> Result<S::Ok, S::Error> {
        Serialize::serialize(value, serializer)
    }
}

impl Syntax<Accent> for AccentValue {
    fn into_value(self) -> Accent {
        self.0
    }

    fn serialize<S: Serializer>(value: &Accent, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }
}

impl Syntax<Self> for TimeLimit {
    fn into_value(self) -> Self {
        self
    }

    fn serialize<S: Serializer>(value: &Self, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Self::After(length) => duration::serialize(length, serializer),
            Self::Never => serializer.serialize_str("never"),
        }
    }
}

impl Syntax<Duration> for FiniteDuration {
    fn into_value(self) -> Duration {
        self.0
    }

    fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        duration::serialize(value, serializer)
    }
}

impl Bounded for Duration {
    type Bound = Self;

    fn range_error(&self, range: &RangeInclusive<Self>) -> Option<String> {
        range_error(*self, range)
    }
}

impl Bounded for TimeLimit {
    type Bound = Duration;

    fn range_error(&self, range: &RangeInclusive<Duration>) -> Option<String> {
        self.duration().and_then(|length| range_error(length, range))
    }
}

impl Bounded for ByteSize {
    type Bound = Self;

    fn range_error(&self, range: &RangeInclusive<Self>) -> Option<String> {
        if self < range.start() {
            return Some(format!("{self} is too small; write at least {}", range.start()));
        }
        (self > range.end()).then(|| format!("{self} is too large; write at most {}", range.end()))
    }
}

impl<T: Bounded> Bounded for Option<T> {
    type Bound = T::Bound;

    fn range_error(&self, range: &RangeInclusive<T::Bound>) -> Option<String> {
        self.as_ref().and_then(|value| value.range_error(range))
    }
}
