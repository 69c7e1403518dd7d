//! A permit is a value, not an object: losing one costs at most a lease.

/// What `acquire` hands out and a report gives back. The low half is the gate it was taken under.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Permit(pub u64);
