//! Text in as pointer and length, text out as something that the caller frees.

use crate::guard::guard;
use seawall::error::Code;
use std::os::raw::c_char;

/// Text that is only looked at: UTF-8, `len` bytes, no zero byte needed. `ptr` may be NULL when
/// `len` is 0. As an argument it is read before the function returns and not kept; as an answer it
/// belongs to whoever the function names.
#[repr(C)]
#[derive(Copy, Clone)]
pub struct seawall_str {
    pub ptr: *const c_char,
    pub len: usize,
}

/// Text that the caller owns and gives back with `seawall_text_free`. A zero byte that `len` does
/// not count follows it. `{NULL, 0}` is "no text".
#[repr(C)]
pub struct seawall_text {
    pub ptr: *mut c_char,
    pub len: usize,
}

/// Frees a text and makes it `{NULL, 0}`; NULL, and a text that is already free, are nothing.
///
/// Owns: takes the text back. Threads: any, one at a time for one text. Statuses: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn seawall_text_free(text: *mut seawall_text) {
    guard(|| {
        // SAFETY: NULL or a text that one of our functions filled in, by the contract of the header.
        let Some(text) = (unsafe { text.as_mut() }) else { return };
        let owned = std::mem::replace(text, seawall_text::NONE);
        if !owned.ptr.is_null() {
            let bytes = std::ptr::slice_from_raw_parts_mut(owned.ptr.cast::<u8>(), owned.len + 1);
            // SAFETY: `seawall_text::new` made it of a boxed slice of `len` bytes and the zero byte.
            drop(unsafe { Box::from_raw(bytes) });
        }
    });
}

impl seawall_str {
    pub(crate) const fn from_static(text: &'static str) -> seawall_str {
        seawall_str { ptr: text.as_ptr().cast(), len: text.len() }
    }

    /// Borrowed from something that the header names as the owner.
    pub(crate) fn borrowed(text: &str) -> seawall_str {
        seawall_str { ptr: text.as_ptr().cast(), len: text.len() }
    }

    pub(crate) const NONE: seawall_str = seawall_str { ptr: std::ptr::null(), len: 0 };

    /// The text, if it is UTF-8.
    ///
    /// # Safety
    /// `ptr` points to `len` readable bytes, or `len` is 0.
    pub(crate) unsafe fn read<'a>(self) -> Result<&'a str, Code> {
        if self.len == 0 {
            return Ok("");
        }
        if self.ptr.is_null() {
            return Err(Code::NullArgument);
        }
        if self.len > isize::MAX as usize {
            return Err(Code::InvalidSize);
        }
        // SAFETY: the caller's promise; a length beyond what any object may have was refused above.
        let bytes = unsafe { std::slice::from_raw_parts(self.ptr.cast::<u8>(), self.len) };
        std::str::from_utf8(bytes).map_err(|_| Code::InvalidText)
    }
}

impl seawall_text {
    pub(crate) const NONE: seawall_text = seawall_text { ptr: std::ptr::null_mut(), len: 0 };

    pub(crate) fn new(text: &str) -> seawall_text {
        let mut bytes = Vec::with_capacity(text.len() + 1);
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
        let owned = Box::into_raw(bytes.into_boxed_slice());
        seawall_text { ptr: owned.cast::<c_char>(), len: text.len() }
    }
}
