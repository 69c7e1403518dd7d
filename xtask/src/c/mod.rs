//! The C binding: its header, its library, its tests.

pub mod header;
pub mod library;
pub mod tests;
