//! The one list of options. The `options!` of these files say what there is; from it come the decoder of this crate,
//! the JSON Schema, the reference page and the option types of every language.

#[macro_use]
mod macros;
pub mod breaker;
pub mod choices;
pub mod decode;
pub mod policy;
pub mod retry;
pub mod shared;

pub use policy::Policy;

/// What may stand in the place of an option.
#[derive(Copy, Clone, Debug)]
pub enum Kind {
    Bool,
    Integer,
    Float,
    /// A share between 0 and 1.
    Rate,
    /// Text with a unit: `250ms`.
    Span,
    /// The name of a policy, part or shared budget.
    Name,
    Text,
    /// A boolean, number or text that is passed on as it is.
    Scalar,
    Choice(&'static Choices),
    Table(&'static Table),
    Union(&'static Union),
    List(&'static Kind),
    /// Names of the user's own, each with a value of this kind.
    Map(&'static Kind),
}

/// A value that is one word of a list.
pub(crate) trait Choice {
    /// As a file writes it.
    fn word(self) -> &'static str;
}

#[derive(Debug)]
pub struct Choices {
    pub name: &'static str,
    pub doc: &'static str,
    /// The word and what it means.
    pub values: &'static [(&'static str, &'static str)],
}

#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    pub doc: &'static str,
    /// The option that a bare value stands for: `open_for = "30s"` is `open_for = { base = "30s" }`.
    pub short: Option<&'static str>,
    pub fields: &'static [Field],
}

/// A table whose option `kind` says which other options it has.
#[derive(Debug)]
pub struct Union {
    pub name: &'static str,
    pub doc: &'static str,
    /// The kind where none is given.
    pub default: &'static str,
    /// The option that bare text stands for: `jitter = "full"` is `jitter = { kind = "full" }`.
    pub short: &'static str,
    /// The kind and option that a bare list stands for.
    pub short_list: Option<(&'static str, &'static str)>,
    pub variants: &'static [Variant],
}

#[derive(Debug)]
pub struct Variant {
    pub name: &'static str,
    pub table: &'static Table,
}

#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    pub doc: &'static str,
    pub kind: Kind,
    /// May be absent, and may be `false` to take away what a preset or the file gave.
    pub optional: bool,
    pub facts: Facts,
}

/// What is known of an option beside its kind; all written as in a file.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub default: Option<&'static str>,
    /// A default that depends on other options, in words.
    pub otherwise: Option<&'static str>,
    pub min: Option<&'static str>,
    /// An exclusive lower end.
    pub above: Option<&'static str>,
    pub max: Option<&'static str>,
    pub example: Option<&'static str>,
    /// Names that people coming from elsewhere try, comma separated; only ever a suggestion.
    pub alias: Option<&'static str>,
}

impl Facts {
    pub const NONE: Facts =
        Facts { default: None, otherwise: None, min: None, above: None, max: None, example: None, alias: None };
}

impl Table {
    /// The option that a bare value stands for.
    pub fn short_field(&self) -> Option<&Field> {
        self.short.and_then(|short| self.field(short))
    }

    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Union {
    pub fn variant(&self, name: &str) -> Option<&Variant> {
        self.variants.iter().find(|variant| variant.name == name)
    }

    /// The option of that name in the first variant that has it.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.variants.iter().find_map(|variant| variant.table.field(name))
    }
}
