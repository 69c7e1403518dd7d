//! The C interface of Seawall: one noun a file, in the order of the header.
//!
//! `guard.rs` is the boundary that no panic crosses, `own.rs` what becomes of pointers, `text.rs`
//! what becomes of text. The rest are entries.

mod guard;
mod own;

pub mod admission;
pub mod attempt;
pub mod breaker;
pub mod budget;
pub mod bulkhead;
pub mod call;
pub mod classify;
pub mod clock;
pub mod cost;
pub mod events;
pub mod explain;
pub mod overlay;
#[cfg(feature = "panic-hook")]
pub mod panic_hook;
pub mod policy;
pub mod registry;
pub mod schedule;
pub mod shape;
pub mod status;
pub mod step;
pub mod text;
pub mod version;
