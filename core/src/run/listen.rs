//! Who hears what happens. Events of a caller's own call are told by that caller, when the call is over;
//! what happens without a call is found by one helper thread, which lives while somebody listens.

use crate::events::{Cursor, Event};
use crate::registry::{Registry, WeakRegistry};
use crate::sync::{Arc, Mutex};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

/// How often the helper looks for transitions that time has made due.
const LOOK: Duration = Duration::from_millis(100);

type Ear = dyn Fn(&Event) + Send + Sync;

/// The listeners of one registry.
#[derive(Default)]
pub(crate) struct Listeners(Mutex<Inside>);

#[derive(Default)]
struct Inside {
    ears: Vec<(u64, Arc<Ear>)>,
    next: u64,
    /// Begins with the first listener and ends with the last.
    cursor: Option<Cursor>,
    /// Somebody tells already, and will look again before it stops.
    telling: bool,
    /// The process whose helper looks: a fork has none of its own.
    helper: Option<u32>,
}

/// Somebody who listens, until this is dropped.
#[must_use = "a listener that is dropped hears nothing"]
pub struct Listener {
    number: u64,
    registry: WeakRegistry,
}

impl Registry {
    /// Calls `hear` with everything that happens from now on, in its order, outside every lock: it may
    /// read and change the policies it hears of. If it panics, nothing else changes.
    ///
    /// What a call makes happen is told before that call returns, by its thread, unless another thread
    /// is telling: then by that one. What time alone makes happen is told by a thread that begins with
    /// the first listener, looks every 100 ms and ends with the last; it keeps no process alive. A manual
    /// clock has none: there [`Registry::tick`] does its work.
    pub fn listen(&self, hear: impl Fn(&Event) + Send + Sync + 'static) -> Listener {
        let mut inside = self.listeners().0.lock();
        if inside.cursor.is_none() {
            inside.cursor = Some(self.events().subscribe());
        }
        let number = inside.next;
        inside.next += 1;
        inside.ears.push((number, Arc::new(hear)));
        self.help(&mut inside);
        Listener { number, registry: self.downgrade() }
    }

    /// Tells the listeners what they have not heard yet.
    #[inline]
    pub(crate) fn tell(&self) {
        if self.events().wanted() {
            self.tell_now();
        }
    }

    #[inline(never)]
    fn tell_now(&self) {
        loop {
            let mut inside = self.listeners().0.lock();
            if inside.telling {
                return;
            }
            let events = inside.cursor.as_mut().map(|cursor| cursor.drain().events).unwrap_or_default();
            if events.is_empty() {
                return;
            }
            inside.telling = true;
            self.help(&mut inside);
            drop(inside);
            for event in &events {
                let ears = self.listeners().0.lock().ears.clone();
                for (_, ear) in ears {
                    // The panic hook of the process has said it.
                    let _ = catch_unwind(AssertUnwindSafe(|| ear(event)));
                }
            }
            self.listeners().0.lock().telling = false;
        }
    }

    /// Makes the helper, where this process has none yet.
    fn help(&self, inside: &mut Inside) {
        if inside.helper == Some(std::process::id()) || self.clock().is_manual() {
            return;
        }
        let registry = self.downgrade();
        let made = thread::Builder::new().name("seawall-events".to_owned()).spawn(move || look(&registry));
        inside.helper = made.ok().map(|_| std::process::id());
    }
}

impl Listeners {
    /// In a forked child nobody tells, and nobody helps.
    pub(crate) fn forked(&self) {
        let mut inside = self.0.lock();
        (inside.telling, inside.helper) = (false, None);
    }
}

fn look(registry: &WeakRegistry) {
    loop {
        thread::sleep(LOOK);
        let Some(registry) = registry.upgrade() else { return };
        let mut inside = registry.listeners().0.lock();
        if inside.ears.is_empty() {
            inside.helper = None;
            return;
        }
        drop(inside);
        registry.tick();
        registry.tell();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let Some(registry) = self.registry.upgrade() else { return };
        let mut inside = registry.listeners().0.lock();
        inside.ears.retain(|(number, _)| *number != self.number);
        if inside.ears.is_empty() {
            inside.cursor = None;
        }
    }
}
