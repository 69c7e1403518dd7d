//! The C binding: its header, its library, its tests.

pub mod conform;
pub mod header;
pub mod library;
pub mod package;
pub mod tests;
