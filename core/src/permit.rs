//! A permit is a value, not an object: losing one costs at most a lease.

/// What `acquire` hands out and a report gives back. The low half is the gate it was taken under.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Permit(pub u64);

impl Permit {
    /// One that nobody was asked for: its report changes nothing. No breaker hands it out, as the gate of a
    /// probe never says *pass*, and no bulkhead has so many places.
    pub const NOTHING: Permit = Permit(u64::MAX);
}
