//! The C interface of Seawall: one noun a file, in the order of the header.
//!
//! `guard.rs` is the boundary that no panic crosses, `own.rs` what becomes of pointers, `text.rs`
//! what becomes of text. The rest are entries.

mod guard;
mod own;
#[cfg(feature = "panic-hook")]
pub mod panic_hook;
pub mod status;
pub mod text;
pub mod version;
