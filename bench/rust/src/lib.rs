//! Rows of the benchmark: the floors of the machine, Seawall, and what is used instead.

pub mod floors;
pub mod harness;
pub mod ours;
pub mod peers;
pub mod work;
