//! Which permits are out.

use crate::permit::Permit;

/// Permits that are out, so that one given back twice frees one slot.
#[derive(Default)]
pub(super) struct Permits {
    /// The serial number of each place's permit while it is out, else 0.
    places: Vec<u32>,
    free: Vec<u32>,
    serial: u32,
}

impl Permits {
    pub(super) fn issue(&mut self) -> Permit {
        self.serial = self.serial.wrapping_add(1).max(1);
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(0);
            self.places.len() as u32 - 1
        });
        self.places[place as usize] = self.serial;
        Permit(u64::from(self.serial) << 32 | u64::from(place))
    }

    /// `false` if it is not out.
    pub(super) fn take_back(&mut self, permit: Permit) -> bool {
        let (serial, place) = ((permit.0 >> 32) as u32, permit.0 as u32);
        match self.places.get_mut(place as usize) {
            Some(out) if *out == serial && serial != 0 => {
                *out = 0;
                self.free.push(place);
                true
            }
            _ => false,
        }
    }

    /// What is out stays out for ever; numbers go on.
    pub(super) fn forget(&mut self) {
        *self = Permits { serial: self.serial, ..Permits::default() };
    }
}
