//! Description of a section: each key stands once, with its documentation, its type, its default, its range and whether a
//! reload applies it. [`section!`] makes the reader, the schema, the default, the serializer and the comparison of them.

use std::marker::PhantomData;
use std::ops::RangeInclusive;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::diagnostics::Diagnostics;
use super::from_node::{FromNode, Located, RawField, join_path};
use super::section::Section;

mod syntax;

/// Syntax of a value in the file; `T` is what the program gets.
pub(super) trait Syntax<T>: FromNode + JsonSchema {
    /// The value for the program.
    fn into_value(self) -> T;
    /// Writes a value as the file has it.
    fn serialize<S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error>;
}

/// How a key is read, described, written and compared: a plain value, one that may be `null`, or a section.
pub(super) trait Key<T> {
    /// Takes the key out of its section.
    fn take(keys: &mut Section<'_>, name: &'static str) -> RawField<T>;
    /// Schema of its value.
    fn schema(generator: &mut SchemaGenerator) -> Schema;
    /// Writes its value as the file has it.
    fn serialize<S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error>;
}

impl<T, W: Syntax<T>> Key<T> for W {
    fn take(keys: &mut Section<'_>, name: &'static str) -> RawField<T> {
        let Located { value, at, key } = keys.take::<W>(name)?;
        Some(Located { value: value.into_value(), at, key })
    }

    /// `null` is taken away again where the default is another, see `show::schema`.
    fn schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Option<W>>()
    }

    fn serialize<S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        <W as Syntax<T>>::serialize(value, serializer)
    }
}

impl<T, W: Syntax<T>> Key<Option<T>> for Option<W> {
    fn take(keys: &mut Section<'_>, name: &'static str) -> RawField<Option<T>> {
        let Located { value, at, key } = keys.take_nullable::<W>(name)?;
        Some(Located { value: Some(value.into_value()), at, key })
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Self>()
    }

    fn serialize<S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => <W as Syntax<T>>::serialize(value, serializer),
            None => serializer.serialize_none(),
        }
    }
}

/// Syntax of a key that is a section below another.
pub(super) struct Subsection;

impl<T: DescribedSection + FromNode + JsonSchema + Serialize> Key<T> for Subsection {
    fn take(keys: &mut Section<'_>, name: &'static str) -> RawField<T> {
        keys.take_section_located(name)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }

    fn serialize<S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        value.serialize(serializer)
    }
}

/// A section described by [`section!`].
pub(super) trait DescribedSection: Default {
    /// Takes its keys out of a section of the file, and reports each that is out of its range.
    fn take_keys(keys: &mut Section<'_>) -> Self;
    /// Checks what the keys mean together, and completes defaults that depend on other keys. `key` is the section's path.
    fn check(&mut self, key: &str, diagnostics: &Diagnostics);
    /// Adds the schemas of its keys.
    fn add_properties(properties: &mut serde_json::Map<String, serde_json::Value>, generator: &mut SchemaGenerator);
    /// Writes its keys as the file has them.
    fn serialize_keys<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>;
    /// Adds the keys below `key` that differ in `new` and that a reload does not apply.
    fn restart_keys(&self, new: &Self, key: &str, changed: &mut Vec<String>);
}

/// Reads a described section.
pub(super) fn read_section<T: DescribedSection>(
    node: &super::tree::Node,
    key: &str,
    planned: &[&str],
    diagnostics: &Diagnostics,
) -> Option<T> {
    let mut keys = Section::open(node, key, diagnostics)?;
    let mut section = T::take_keys(&mut keys);
    keys.finish(planned);
    section.check(key, diagnostics);
    Some(section)
}

/// Schema of a described section.
pub(super) fn section_schema<T: DescribedSection>(generator: &mut SchemaGenerator) -> Schema {
    let mut properties = serde_json::Map::new();
    T::add_properties(&mut properties, generator);
    schemars::json_schema!({ "type": "object", "properties": properties })
}

/// Adds the schema of one key.
pub(super) fn add_property(
    properties: &mut serde_json::Map<String, serde_json::Value>,
    name: &str,
    description: &str,
    mut schema: Schema,
) {
    schema.insert("description".to_owned(), description.trim().into());
    properties.insert(name.to_owned(), schema.to_value());
}

/// Adds a key that differs and that a reload does not apply.
pub(super) fn add_restart_key(differs: bool, section: &str, name: &str, changed: &mut Vec<String>) {
    if differs {
        changed.push(join_path(section, name));
    }
}

/// Writes a described section as a map.
pub(super) fn serialize_section<T: DescribedSection, S: Serializer>(
    section: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    section.serialize_keys(&mut map)?;
    map.end()
}

/// The value of one key, serialized as the file has it.
pub(super) struct SerializedKey<'a, T, W>(pub(super) &'a T, pub(super) PhantomData<W>);

impl<T, W: Key<T>> Serialize for SerializedKey<'_, T, W> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        W::serialize(self.0, serializer)
    }
}

/// A value that a description may bound.
pub(super) trait Bounded {
    /// Bounds of the value.
    type Bound;
    /// What is wrong with a value outside, and what to write.
    fn range_error(&self, range: &RangeInclusive<Self::Bound>) -> Option<String>;
}

/// Describes a section of the file. Each key is
///
/// ```text
/// /// Documentation, for the schema and the manual.
/// WHEN field ("key"): Type as Syntax = default, range;
/// ```
///
/// where `WHEN` is `reload` or `restart`: what applies a change. `("key")` is left out where the field has the key's name,
/// `as Syntax` where the file's syntax is that of the type, and the range where every value is sensible. `keys of Type` describes
/// a struct of another part of the program, and `struct Type` makes one. `flatten(field: Type)`
/// takes the keys of another description in, before its own.
macro_rules! section {
    (
        $(#[$attribute:meta])*
        pub struct $name:ident $(flatten($flat:ident: $flat_type:ty))? {
            $($(#[doc = $doc:literal])* $when:ident $field:ident $(($key:literal))?: $type:ty $(as $syntax:ty)?
                = $default:expr $(, $range:expr)?;)*
        }
        $(planned [$($planned:literal),* $(,)?];)?
        $(check $check:expr;)?
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $(
                /// Keys that another part of the program takes as they are.
                pub $flat: $flat_type,
            )?
            $($(#[doc = $doc])* pub $field: $type,)*
        }

        $crate::config::describe::section! {
            keys of $name $(flatten($flat: $flat_type))? {
                $($(#[doc = $doc])* $when $field $(($key))?: $type $(as $syntax)? = $default $(, $range)?;)*
            }
            $(planned [$($planned),*];)?
            $(check $check;)?
        }
    };
    (
        keys of $name:ident $(flatten($flat:ident: $flat_type:ty))? {
            $($(#[doc = $doc:literal])* $when:ident $field:ident $(($key:literal))?: $type:ty $(as $syntax:ty)?
                = $default:expr $(, $range:expr)?;)*
        }
        $(planned [$($planned:literal),* $(,)?];)?
        $(check $check:expr;)?
    ) => {
        impl Default for $name {
            fn default() -> Self {
                Self { $($flat: Default::default(),)? $($field: $default,)* }
            }
        }

        impl $crate::config::describe::DescribedSection for $name {
            fn take_keys(keys: &mut $crate::config::section::Section<'_>) -> Self {
                Self {
                    $($flat: <$flat_type as $crate::config::describe::DescribedSection>::take_keys(keys),)?
                    $($field: match <$crate::config::describe::section!(@syntax $type $(, $syntax)?)
                        as $crate::config::describe::Key<$type>>::take(
                            keys,
                            $crate::config::describe::section!(@key $field $($key)?),
                        )
                    {
                        Some(written) => {
                            $(keys.check_range(&written, &$range);)?
                            written.value
                        }
                        None => $default,
                    },)*
                }
            }

            fn check(&mut self, key: &str, diagnostics: &$crate::config::diagnostics::Diagnostics) {
                let _ = (&key, &diagnostics);
                $($crate::config::describe::DescribedSection::check(&mut self.$flat, key, diagnostics);)?
                $(let check: fn(&mut Self, &str, &$crate::config::diagnostics::Diagnostics) = $check;
                check(self, key, diagnostics);)?
            }

            fn add_properties(
                properties: &mut serde_json::Map<String, serde_json::Value>,
                generator: &mut schemars::SchemaGenerator,
            ) {
                $(<$flat_type as $crate::config::describe::DescribedSection>::add_properties(properties, generator);)?
                $($crate::config::describe::add_property(
                    properties,
                    $crate::config::describe::section!(@key $field $($key)?),
                    concat!($($doc, "\n"),*),
                    <$crate::config::describe::section!(@syntax $type $(, $syntax)?)
                        as $crate::config::describe::Key<$type>>::schema(generator),
                );)*
            }

            fn serialize_keys<M: serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
                $($crate::config::describe::DescribedSection::serialize_keys(&self.$flat, map)?;)?
                $(map.serialize_entry(
                    $crate::config::describe::section!(@key $field $($key)?),
                    &$crate::config::describe::SerializedKey::<
                        $type,
                        $crate::config::describe::section!(@syntax $type $(, $syntax)?),
                    >(&self.$field, std::marker::PhantomData),
                )?;)*
                Ok(())
            }

            fn restart_keys(&self, new: &Self, key: &str, changed: &mut Vec<String>) {
                let _ = (&new, &key, &changed);
                $($crate::config::describe::DescribedSection::restart_keys(&self.$flat, &new.$flat, key, changed);)?
                $($crate::config::describe::section!(
                    @$when self.$field != new.$field, key,
                    $crate::config::describe::section!(@key $field $($key)?), changed
                );)*
            }
        }

        impl $crate::config::from_node::FromNode for $name {
            fn from_node(
                node: &$crate::config::tree::Node,
                key: &str,
                diagnostics: &$crate::config::diagnostics::Diagnostics,
            ) -> Option<Self> {
                $crate::config::describe::read_section(node, key, &[$($($planned),*)?], diagnostics)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::config::describe::serialize_section(self, serializer)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::config::describe::section_schema::<Self>(generator)
            }
        }
    };
    (@key $field:ident $key:literal) => { $key };
    (@key $field:ident) => { stringify!($field) };
    (@syntax $type:ty, $syntax:ty) => { $syntax };
    (@syntax $type:ty) => { $type };
    (@restart $differs:expr, $section:expr, $key:expr, $changed:expr) => {
        $crate::config::describe::add_restart_key($differs, $section, $key, $changed)
    };
    (@reload $differs:expr, $section:expr, $key:expr, $changed:expr) => {};
}

pub(super) use section;
