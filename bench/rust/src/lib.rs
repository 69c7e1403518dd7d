//! Rows of the benchmark: the floors of the machine, Seawall, and what is used instead.
//!
//! What a call returned is looked at where it lies, by every row alike: `black_box` of the value itself copies all the
//! room that its largest error would take, which is the measurer's cost and no caller's.

pub mod floors;
pub mod harness;
pub mod ours;
pub mod peers;
pub mod work;
