//! Functions that JavaScript calls without the costs of a class: numbers come in, one answer goes
//! out, everything else is left in the mailbox, an array of numbers that both sides know.
//!
//! The only unsafe code of this crate, but for what the derive macros write.
#![allow(unsafe_code)]

mod changes;
mod view;

pub(crate) use changes::changed;
pub(crate) use view::{View, refuse_buffers};

use crate::isolate::{Isolate, isolate};
use napi::sys;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

/// What a function answers with.
pub(crate) enum Answer {
    Nothing,
    Number(u32),
    Real(f64),
    Text(String),
    View(View),
}

pub(crate) type Entry = fn(&mut Isolate, &Mail, &Arguments) -> Answer;

const MOST_ARGUMENTS: usize = 8;

/// The arguments of one call.
pub(crate) struct Arguments {
    env: sys::napi_env,
    values: [sys::napi_value; MOST_ARGUMENTS],
    given: usize,
}

impl Arguments {
    /// A number; what is none reads as NaN.
    pub(crate) fn real(&self, index: usize) -> f64 {
        let mut number = f64::NAN;
        if index < self.given {
            // SAFETY: the value was handed to the running callback of this environment.
            unsafe { sys::napi_get_value_double(self.env, self.values[index], &mut number) };
        }
        number
    }

    /// A whole number; what is none is one that nothing has.
    pub(crate) fn number(&self, index: usize) -> u32 {
        let real = self.real(index);
        if real >= 0.0 { real as u32 } else { u32::MAX }
    }

    pub(crate) fn text(&self, index: usize) -> Option<String> {
        if index >= self.given {
            return None;
        }
        let (value, mut length) = (self.values[index], 0);
        // SAFETY: as above; without a buffer the call tells the length.
        let asked = unsafe { sys::napi_get_value_string_utf8(self.env, value, ptr::null_mut(), 0, &mut length) };
        if asked != sys::Status::napi_ok {
            return None;
        }
        let mut bytes = vec![0u8; length + 1];
        // SAFETY: the buffer has room for the text and the zero behind it.
        unsafe {
            sys::napi_get_value_string_utf8(self.env, value, bytes.as_mut_ptr().cast(), bytes.len(), &mut length);
        }
        bytes.truncate(length);
        String::from_utf8(bytes).ok()
    }
}

/// The mailbox: a `Float64Array` of the module, alive as long as its environment.
pub(crate) struct Mail {
    words: *mut f64,
    length: usize,
}

impl Mail {
    pub(crate) fn put(&self, index: usize, number: f64) {
        assert!(index < self.length, "the mailbox has {} places", self.length);
        // SAFETY: inside the array, which only this thread uses and nobody else detaches.
        unsafe { self.words.add(index).write(number) };
    }
}

/// What the functions of one environment stand on.
struct Module {
    mail: Mail,
    _changes: changes::Told,
    functions: Vec<Bound>,
}

struct Bound {
    entry: Entry,
    module: *const Module,
}

/// The memory of a typed array, kept for as long as the environment.
fn memory(env: sys::napi_env, array: sys::napi_value) -> Option<(*mut c_void, usize)> {
    let (mut length, mut words, mut reference) = (0, ptr::null_mut(), ptr::null_mut());
    // SAFETY: `array` is a value of this environment; a strong reference keeps its memory.
    let told = unsafe {
        sys::napi_get_typedarray_info(
            env,
            array,
            ptr::null_mut(),
            &mut length,
            &mut words,
            ptr::null_mut(),
            ptr::null_mut(),
        )
        .max(sys::napi_create_reference(env, array, 1, &mut reference))
    };
    (told == sys::Status::napi_ok && !words.is_null() && length > 0).then_some((words, length))
}

/// Puts `entries` as functions on `target`, with `mail` (a `Float64Array`) as their mailbox, and has
/// the first word of `changes` (a `Uint32Array`) rise with each change.
pub(crate) fn install(
    env: sys::napi_env,
    target: sys::napi_value,
    mail: sys::napi_value,
    changes: sys::napi_value,
    entries: &[(&str, Entry)],
) -> Option<()> {
    let (words, length) = memory(env, mail)?;
    let mail = Mail { words: words.cast(), length };
    let changes = changes::told(memory(env, changes)?.0);
    let module =
        Box::into_raw(Box::new(Module { mail, _changes: changes, functions: Vec::with_capacity(entries.len()) }));
    for (name, entry) in entries {
        // SAFETY: the module lives until the environment's end, and its list never moves: it has
        // room for all from the start.
        unsafe {
            let functions = &mut (*module).functions;
            functions.push(Bound { entry: *entry, module });
            let data = functions.as_mut_ptr().add(functions.len() - 1);
            let mut function = ptr::null_mut();
            let made = sys::napi_create_function(
                env,
                name.as_ptr().cast(),
                name.len() as isize,
                Some(called),
                data.cast(),
                &mut function,
            );
            let mut key = ptr::null_mut();
            sys::napi_create_string_utf8(env, name.as_ptr().cast(), name.len() as isize, &mut key);
            if made != sys::Status::napi_ok
                || sys::napi_set_property(env, target, key, function) != sys::Status::napi_ok
            {
                return None;
            }
        }
    }
    // SAFETY: the hook runs once, on this thread, when no JavaScript runs any more.
    let hooked = unsafe { sys::napi_add_env_cleanup_hook(env, Some(ended), module.cast()) };
    (hooked == sys::Status::napi_ok).then_some(())
}

unsafe extern "C" fn ended(module: *mut c_void) {
    let _ = catch_unwind(|| isolate(Isolate::end));
    // SAFETY: made by `install`, and no function is called after this.
    drop(unsafe { Box::from_raw(module.cast::<Module>()) });
}

unsafe extern "C" fn called(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let mut arguments = Arguments { env, values: [ptr::null_mut(); MOST_ARGUMENTS], given: MOST_ARGUMENTS };
    let mut data = ptr::null_mut();
    // SAFETY: the engine hands over a valid environment and call; there is room for the arguments.
    let bound = unsafe {
        sys::napi_get_cb_info(
            env,
            info,
            &mut arguments.given,
            arguments.values.as_mut_ptr(),
            ptr::null_mut(),
            &mut data,
        );
        &*data.cast::<Bound>()
    };
    arguments.given = arguments.given.min(MOST_ARGUMENTS);
    // SAFETY: the module outlives its functions.
    let mail = unsafe { &(*bound.module).mail };
    // A fault of ours answers nothing: the driver then runs the call unprotected.
    let answer = catch_unwind(AssertUnwindSafe(|| isolate(|isolate| (bound.entry)(isolate, mail, &arguments))));
    shown(env, answer.ok().flatten().unwrap_or(Answer::Nothing))
}

fn shown(env: sys::napi_env, answer: Answer) -> sys::napi_value {
    let mut value = ptr::null_mut();
    // SAFETY: each call makes a value of the running environment; null reads as undefined.
    unsafe {
        match answer {
            Answer::Nothing => 0,
            Answer::Number(number) => sys::napi_create_uint32(env, number, &mut value),
            Answer::Real(number) => sys::napi_create_double(env, number, &mut value),
            Answer::Text(text) => {
                sys::napi_create_string_utf8(env, text.as_ptr().cast(), text.len() as isize, &mut value)
            }
            Answer::View(view) => {
                value = view.shown(env);
                0
            }
        };
    }
    value
}
