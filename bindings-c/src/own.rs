//! Pointers from C: handles, outputs, structs that carry their size.

use seawall::error::Code;
use std::sync::Arc;

/// Borrows the referent of a handle.
macro_rules! handle {
    ($handle:expr) => {
        // SAFETY: NULL or a live handle of this type, by the contract of the header.
        unsafe { $crate::own::borrow($handle) }
    };
}

/// An output that is set at once and may turn out to be NULL.
macro_rules! output {
    ($place:expr, $until_known:expr) => {
        // SAFETY: NULL or writable, by the contract of the header.
        unsafe { $crate::own::Out::new($place, $until_known) }
    };
}

/// A struct output that carries its size.
macro_rules! sized {
    ($place:expr) => {
        // SAFETY: NULL or a struct whose size field is true, by the contract of the header.
        unsafe { $crate::own::SizedOut::new($place) }
    };
}

/// The text of a `seawall_str`.
macro_rules! text {
    ($text:expr) => {
        // SAFETY: readable for its length, by the contract of the header.
        unsafe { $text.read() }
    };
}

pub(crate) use {handle, output, sized, text};

/// A handle's referent, or `NullArgument`.
///
/// # Safety
/// `handle` is NULL or came from the `_new` of its type and has not been freed.
pub(crate) unsafe fn borrow<'a, T>(handle: *const T) -> Result<&'a T, Code> {
    // SAFETY: the caller's promise; a handle lives until its last `_free`.
    unsafe { handle.as_ref() }.ok_or(Code::NullArgument)
}

/// Hands a new handle to C.
pub(crate) fn hand_out<T>(value: T) -> *mut T {
    Arc::into_raw(Arc::new(value)).cast_mut()
}

/// A second handle on the same thing; NULL for NULL.
///
/// # Safety
/// As for [`borrow`].
pub(crate) unsafe fn share<T>(handle: *const T) -> *mut T {
    if !handle.is_null() {
        // SAFETY: every handle is an `Arc` that was handed out by `hand_out`.
        unsafe { Arc::increment_strong_count(handle) };
    }
    handle.cast_mut()
}

/// Ends one handle; nothing for NULL.
///
/// # Safety
/// As for [`borrow`]; the handle is not used again.
pub(crate) unsafe fn release<T>(handle: *mut T) {
    if !handle.is_null() {
        // SAFETY: every handle is an `Arc` that was handed out by `hand_out` or counted by `share`.
        drop(unsafe { Arc::from_raw(handle) });
    }
}

/// Where an entry writes an answer. It is set at once, so that no failure leaves it undefined.
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// # Safety
    /// `place` is NULL or may be written to.
    pub(crate) unsafe fn new(place: *mut T, until_known: T) -> Out<T> {
        if !place.is_null() {
            // SAFETY: the caller's promise. `write`: C gives no initialised value to drop.
            unsafe { place.write(until_known) };
        }
        Out(place)
    }

    /// This output may not be NULL.
    pub(crate) fn required(self) -> Result<Out<T>, Code> {
        if self.0.is_null() { Err(Code::NullArgument) } else { Ok(self) }
    }

    /// Sets an answer that would be lost if nobody wanted it: it is made only then.
    pub(crate) fn set_with(&self, value: impl FnOnce() -> T) {
        if !self.0.is_null() {
            self.set(value());
        }
    }

    pub(crate) fn set(&self, value: T) {
        if !self.0.is_null() {
            // SAFETY: `new` was promised a place that may be written to.
            unsafe { self.0.write(value) };
        }
    }
}

/// A struct whose first field is `uint32_t size`, set by the caller to what it knows.
///
/// # Safety
/// `repr(C)`, made of integers alone, first field the size, no padding that matters.
pub(crate) unsafe trait Sized32: Copy {
    /// The size of the first published version: less is misuse.
    const FIRST: u32;
    /// What stands there until, or unless, there is an answer.
    const EMPTY: Self;
}

/// A place for a [`Sized32`] struct: only as much is written as its caller knows.
pub(crate) struct SizedOut<T> {
    place: *mut T,
    size: u32,
}

impl<T: Sized32> SizedOut<T> {
    /// # Safety
    /// `place` is NULL or points to a struct whose `size` field is set and true.
    pub(crate) unsafe fn new(place: *mut T) -> Result<SizedOut<T>, Code> {
        if place.is_null() {
            return Ok(SizedOut { place, size: 0 });
        }
        // SAFETY: the size is the first field of every such struct.
        let size = unsafe { place.cast::<u32>().read() };
        if size < T::FIRST {
            return Err(Code::InvalidSize);
        }
        let out = SizedOut { place, size };
        out.set(T::EMPTY);
        Ok(out)
    }

    /// Whether its caller knows so many bytes of it.
    pub(crate) fn knows(&self, bytes: usize) -> bool {
        self.size as usize >= bytes
    }

    /// This output may not be NULL.
    pub(crate) fn wanted(&self) -> Result<&SizedOut<T>, Code> {
        if self.place.is_null() { Err(Code::NullArgument) } else { Ok(self) }
    }

    pub(crate) fn required(self) -> Result<SizedOut<T>, Code> {
        if self.place.is_null() { Err(Code::NullArgument) } else { Ok(self) }
    }

    pub(crate) fn set(&self, value: T) {
        const HEAD: usize = size_of::<u32>();
        if self.place.is_null() {
            return;
        }
        // SAFETY: the caller promised `size` bytes; what is copied is at most that and at most the
        // size of `value`, and the size field itself, the caller's, is left alone.
        let copy = |bytes: usize| unsafe {
            let from = (&raw const value).cast::<u8>().add(HEAD);
            let to = self.place.cast::<u8>().add(HEAD);
            std::ptr::copy_nonoverlapping(from, to, bytes - HEAD);
        };
        // Nearly every caller knows all of it, and a length known here is copied without a loop.
        if self.size as usize >= size_of::<T>() {
            copy(size_of::<T>());
        } else {
            copy(self.size as usize);
        }
    }
}
