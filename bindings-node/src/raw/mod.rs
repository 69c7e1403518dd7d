//! Functions that JavaScript calls without the costs of a class: numbers come and go by the mailbox,
//! an array that both sides know; what is handed over as a value is at most one text.
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

pub(crate) type Entry = fn(&mut Isolate, &Mail, &Arguments<'_>) -> Answer;

/// Where in the mailbox the numbers begin that a function is given, and where it leaves the number
/// that it answers: cheaper than values of the engine.
const GIVEN: usize = 16;
const ANSWER: usize = 28;

/// The arguments of one call: numbers by mail, and one text.
pub(crate) struct Arguments<'a> {
    mail: &'a Mail,
    env: sys::napi_env,
    text: Option<sys::napi_value>,
}

impl Arguments<'_> {
    /// A number; what is none is NaN.
    pub(crate) fn real(&self, index: usize) -> f64 {
        self.mail.get(GIVEN + index)
    }

    /// A whole number; what is none is one that nothing has.
    pub(crate) fn number(&self, index: usize) -> u32 {
        let real = self.real(index);
        if real >= 0.0 { real as u32 } else { u32::MAX }
    }

    pub(crate) fn text(&self) -> Option<String> {
        let (value, mut length) = (self.text?, 0);
        // SAFETY: the value was handed to the running callback of this environment; without a buffer
        // the call tells the length.
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
    fn get(&self, index: usize) -> f64 {
        assert!(index < self.length, "the mailbox has {} places", self.length);
        // SAFETY: inside the array, which only this thread uses and nobody else detaches.
        unsafe { self.words.add(index).read() }
    }

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
    let (mut text, mut given, mut data) = (ptr::null_mut(), 1, ptr::null_mut());
    // SAFETY: the engine hands over a valid environment and call; there is room for one argument.
    let bound = unsafe {
        sys::napi_get_cb_info(env, info, &mut given, &mut text, ptr::null_mut(), &mut data);
        &*data.cast::<Bound>()
    };
    // SAFETY: the module outlives its functions.
    let mail = unsafe { &(*bound.module).mail };
    let arguments = Arguments { mail, env, text: (given > 0).then_some(text) };
    // A fault of ours answers nothing: the driver then runs the call unprotected.
    let answer = catch_unwind(AssertUnwindSafe(|| isolate(|isolate| (bound.entry)(isolate, mail, &arguments))));
    shown(env, mail, answer.ok().flatten().unwrap_or(Answer::Nothing))
}

fn shown(env: sys::napi_env, mail: &Mail, answer: Answer) -> sys::napi_value {
    let mut value = ptr::null_mut();
    let number = match answer {
        Answer::Number(number) => f64::from(number),
        Answer::Real(number) => number,
        Answer::Nothing => f64::NAN,
        Answer::Text(text) => {
            // SAFETY: makes a value of the running environment; null reads as undefined.
            unsafe { sys::napi_create_string_utf8(env, text.as_ptr().cast(), text.len() as isize, &mut value) };
            f64::NAN
        }
        Answer::View(view) => {
            value = view.shown(env);
            f64::NAN
        }
    };
    mail.put(ANSWER, number);
    value
}
