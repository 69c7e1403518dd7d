//! A tree of options in few bytes, for as long as nobody looks at it.

use super::Value;
use std::collections::BTreeMap;

/// A [`Value`] that is kept for a reload that may never come: some tens of bytes, where the tree
/// takes thousands.
#[derive(Clone, PartialEq)]
pub(crate) struct Packed(Box<[u8]>);

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INTEGER: u8 = 3;
const FLOAT: u8 = 4;
const TEXT: u8 = 5;
const LIST: u8 = 6;
const TABLE: u8 = 7;

impl Packed {
    pub(crate) fn of(value: &Value) -> Packed {
        let mut bytes = Vec::new();
        pack(value, &mut bytes);
        Packed(bytes.into())
    }

    pub(crate) fn value(&self) -> Value {
        unpack(&mut &*self.0).unwrap_or(Value::Null)
    }
}

fn pack(value: &Value, to: &mut Vec<u8>) {
    match value {
        Value::Null => to.push(NULL),
        Value::Bool(false) => to.push(FALSE),
        Value::Bool(true) => to.push(TRUE),
        Value::Integer(number) => {
            to.push(INTEGER);
            to.extend(number.to_le_bytes());
        }
        Value::Float(number) => {
            to.push(FLOAT);
            to.extend(number.to_le_bytes());
        }
        Value::Text(text) => {
            to.push(TEXT);
            pack_text(text, to);
        }
        Value::List(items) => {
            to.push(LIST);
            pack_length(items.len(), to);
            items.iter().for_each(|item| pack(item, to));
        }
        Value::Table(table) => {
            to.push(TABLE);
            pack_length(table.len(), to);
            for (key, value) in table {
                pack_text(key, to);
                pack(value, to);
            }
        }
    }
}

fn pack_text(text: &str, to: &mut Vec<u8>) {
    pack_length(text.len(), to);
    to.extend(text.as_bytes());
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn pack_length(mut length: usize, to: &mut Vec<u8>) {
    while length > 0x7f {
        to.push(length as u8 & 0x7f | 0x80);
        length >>= 7;
    }
    to.push(length as u8);
}

fn take<'a>(from: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = from.split_at_checked(count)?;
    *from = rest;
    Some(taken)
}

fn unpack(from: &mut &[u8]) -> Option<Value> {
    Some(match take(from, 1)?[0] {
        FALSE => Value::Bool(false),
        TRUE => Value::Bool(true),
        INTEGER => Value::Integer(i128::from_le_bytes(take(from, 16)?.try_into().ok()?)),
        FLOAT => Value::Float(f64::from_le_bytes(take(from, 8)?.try_into().ok()?)),
        TEXT => Value::Text(unpack_text(from)?),
        LIST => {
            let count = unpack_length(from)?;
            Value::List((0..count).map(|_| unpack(from)).collect::<Option<_>>()?)
        }
        TABLE => {
            let count = unpack_length(from)?;
            let mut entry = || Some((unpack_text(from)?, unpack(from)?));
            Value::Table((0..count).map(|_| entry()).collect::<Option<BTreeMap<_, _>>>()?)
        }
        _ => Value::Null,
    })
}

fn unpack_text(from: &mut &[u8]) -> Option<String> {
    let length = unpack_length(from)?;
    String::from_utf8(take(from, length)?.to_vec()).ok()
}

fn unpack_length(from: &mut &[u8]) -> Option<usize> {
    let mut length = 0;
    for shift in (0..usize::BITS).step_by(7) {
        let byte = take(from, 1)?[0];
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(length);
        }
    }
    None
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i128>().prop_map(Value::Integer),
            (-1e300..1e300).prop_map(Value::Float),
            ".{0,200}".prop_map(Value::Text),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::List),
                prop::collection::btree_map(".{0,12}", inner, 0..8).prop_map(Value::Table),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_out_as_it_went_in(value in any_value()) {
            prop_assert_eq!(Packed::of(&value).value(), value);
        }
    }

    #[test]
    fn a_policy_of_code_is_small() {
        let text = "name = 'identity'\n[breaker]\nopen_for = '30s'\nwindow = { kind = 'consecutive', failures = 5 }";
        let value: Value = toml::from_str(text).unwrap();
        assert!(Packed::of(&value).0.len() < 128, "{}", Packed::of(&value).0.len());
    }
}
