//! `options!` makes of one list the struct, its description and its decoder; `variants!` the same for
//! tables told apart by their `kind`; `choices!` for words.

/// Facts in brackets are literals in the form they have in a file: `[default "30s", min "1ms"]`.
macro_rules! options {
    ($($(#[doc = $doc:literal])+ $Name:ident $(short $short:literal)? {
        $($(#[doc = $field_doc:literal])+ $field:ident : $type:ty [$($fact:ident $value:literal),* $(,)?];)*
    })+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, PartialEq, Debug)]
        pub struct $Name {
            $($(#[doc = $field_doc])+ pub $field: $crate::config::schema::decode::Given<$type>,)*
        }

        impl $Name {
            #[allow(clippy::needless_update)]
            pub const TABLE: $crate::config::schema::Table = $crate::config::schema::Table {
                name: stringify!($Name),
                doc: concat!($($doc, "\n",)+),
                short: options!(@short $($short)?),
                fields: &[$($crate::config::schema::Field {
                    name: stringify!($field),
                    doc: concat!($($field_doc, "\n",)+),
                    kind: <$type as $crate::config::schema::decode::Decode>::KIND,
                    optional: <$type as $crate::config::schema::decode::Decode>::OPTIONAL,
                    facts: $crate::config::schema::Facts {
                        $($fact: Some($value),)*
                        ..$crate::config::schema::Facts::NONE
                    },
                },)*],
            };
        }

        impl $crate::config::settings::Settings<$Name> {$(
            $(#[doc = $field_doc])+
            $(#[doc = options!(@say $fact $value)])*
            pub fn $field(self, value: impl $crate::config::settings::Give<$type>) -> Self {
                self.put(stringify!($field), value.give())
            }
        )*}

        impl $crate::config::settings::Give<$Name> for $crate::config::settings::Settings<$Name> {
            fn give(self) -> $crate::config::Value {
                self.into_value()
            }
        }

        impl $crate::config::schema::decode::Decode for $Name {
            const KIND: $crate::config::schema::Kind = $crate::config::schema::Kind::Table(&$Name::TABLE);

            fn decode(
                at: &$crate::config::schema::decode::At<'_>,
                _facts: &$crate::config::schema::Facts,
            ) -> Result<Self, $crate::config::schema::decode::Fault> {
                use $crate::config::schema::decode::{Fields, VariantTable};
                $Name::from_fields(&Fields::open(at, &$Name::TABLE, false)?)
            }

            fn absent(path: &str) -> Result<Self, $crate::config::schema::decode::Fault> {
                $crate::config::schema::decode::from_nothing(path)
            }
        }

        impl $crate::config::schema::decode::VariantTable for $Name {
            #[allow(unused_variables)]
            fn from_fields(
                fields: &$crate::config::schema::decode::Fields<'_>,
            ) -> Result<Self, $crate::config::schema::decode::Fault> {
                Ok($Name { $($field: fields.take(stringify!($field))?,)* })
            }
        }
    )+};
    // What the documentation of a setter says of a fact.
    (@say default $value:literal) => { concat!("\n* default: `", $value, "`") };
    (@say otherwise $value:literal) => { concat!("\n* where it is not given: ", $value) };
    (@say min $value:literal) => { concat!("\n* at least `", $value, "`") };
    (@say above $value:literal) => { concat!("\n* above `", $value, "`") };
    (@say max $value:literal) => { concat!("\n* at most `", $value, "`") };
    (@say $other:ident $value:literal) => { "" };
    (@short) => { None };
    (@short $short:literal) => { Some($short) };
}

/// The first word after the name is the kind where none is given.
macro_rules! variants {
    ($(#[doc = $doc:literal])+ $Name:ident default $default:literal short $short:literal
        $(list $list_kind:literal $list_option:literal)? {
        $($word:literal => $Variant:ident($table:ty),)+
    }) => {
        $(#[doc = $doc])+
        #[derive(Clone, PartialEq, Debug)]
        pub enum $Name {
            $($Variant($table),)+
        }

        impl $Name {
            pub const UNION: $crate::config::schema::Union = $crate::config::schema::Union {
                name: stringify!($Name),
                doc: concat!($($doc, "\n",)+),
                default: $default,
                short: $short,
                short_list: variants!(@list $($list_kind $list_option)?),
                variants: &[$($crate::config::schema::Variant { name: $word, table: &<$table>::TABLE },)+],
            };
        }

        impl $crate::config::settings::Give<$Name> for $crate::config::settings::Settings<$Name> {
            fn give(self) -> $crate::config::Value {
                self.into_value()
            }
        }
        $(
            impl $crate::config::settings::Give<$Name> for $crate::config::settings::Settings<$table> {
                fn give(self) -> $crate::config::Value {
                    self.of_kind::<$Name>($word).into_value()
                }
            }
        )+

        impl $crate::config::schema::decode::Decode for $Name {
            const KIND: $crate::config::schema::Kind = $crate::config::schema::Kind::Union(&$Name::UNION);

            fn decode(
                at: &$crate::config::schema::decode::At<'_>,
                _facts: &$crate::config::schema::Facts,
            ) -> Result<Self, $crate::config::schema::decode::Fault> {
                use $crate::config::schema::decode::{kind_of, variant};
                match kind_of(at, &$Name::UNION)? {
                    $($word => Ok($Name::$Variant(variant(at, &$Name::UNION, $word)?)),)+
                    other => unreachable!("{other} is not in the table"),
                }
            }

            fn absent(path: &str) -> Result<Self, $crate::config::schema::decode::Fault> {
                $crate::config::schema::decode::from_nothing(path)
            }
        }
    };
    (@list) => { None };
    (@list $kind:literal $option:literal) => { Some(($kind, $option)) };
}

/// Words for the values of an enum that exists already.
macro_rules! choices {
    ($($(#[doc = $doc:literal])+ $Name:ident : $type:ty {
        $($word:literal => $value:expr, $word_doc:literal;)+
    })+) => {$(
        impl $crate::config::schema::Choice for $type {
            fn word(self) -> &'static str {
                let word = [$(($word, $value),)+].into_iter().find(|(_, value)| *value == self);
                word.expect("the list has every value").0
            }
        }

        impl $crate::config::settings::Give<$type> for $type {
            fn give(self) -> $crate::config::Value {
                $crate::config::Value::Text($crate::config::schema::Choice::word(self).to_owned())
            }
        }

        impl $crate::config::schema::decode::Decode for $type {
            const KIND: $crate::config::schema::Kind =
                $crate::config::schema::Kind::Choice(&$crate::config::schema::Choices {
                    name: stringify!($Name),
                    doc: concat!($($doc, "\n",)+),
                    values: &[$(($word, $word_doc),)+],
                });

            fn decode(
                at: &$crate::config::schema::decode::At<'_>,
                _facts: &$crate::config::schema::Facts,
            ) -> Result<Self, $crate::config::schema::decode::Fault> {
                match $crate::config::schema::decode::choice(at, &[$($word,)+])? {
                    $($word => Ok($value),)+
                    other => unreachable!("{other} is not in the list"),
                }
            }
        }
    )+};
}
