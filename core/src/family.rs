//! One named part and its partitions: the cell without a key, and a bounded number of cells by key.

use crate::cell::Block;
use crate::segment::Home;
use crate::sync::{Arc, Mutex, OnceLock, RwLock};
use std::collections::{HashMap, VecDeque};

/// A part whose cell can be handed to another key.
pub(crate) trait Cell: Send + Sync {
    /// Whether nothing would be lost: closed, nobody inside, nobody waiting.
    fn is_idle(&self) -> bool;
    /// Its state, where it is one block for as long as the cell lives.
    fn block(&self) -> Option<&Block> {
        None
    }
    /// Whether this is still the cell of its name: in a segment another may take its place.
    fn is_current(&self) -> bool {
        self.block().is_none_or(Block::is_current)
    }
    /// Whether the settings in force are those that were asked for: in a segment another process may
    /// have come first.
    fn is_as_wanted(&self) -> bool {
        self.block().is_none_or(Block::is_as_wanted)
    }
    /// Whether other processes work on it too.
    fn is_shared(&self) -> bool {
        self.block().is_some_and(|block| block.held().is_some())
    }
}

/// Where a cell is to be made: in a home that processes share, for a key or for all calls.
#[derive(Copy, Clone)]
pub(crate) struct Spot<'a> {
    pub home: &'a Home,
    pub key: Option<&'a str>,
}

/// Makes the successor of a cell under new settings, or `None` if the cell itself took them.
pub(crate) type Adopt<'a, C, T> = &'a dyn Fn(&T, &Arc<C>, Option<Spot<'_>>) -> Option<T>;

/// Makes the cell of a part: its own, or at a spot.
pub(crate) type MakeCell<C, T> = fn(&Arc<C>, Option<Spot<'_>>) -> T;

/// The cells of one part. A caller holds its cell by an `Arc`; that count is the handle count.
pub(crate) struct Family<C, T> {
    /// None where it belongs to a policy without a name alone.
    name: Option<Arc<str>>,
    /// The settings in force, and where they were given.
    settings: RwLock<(Arc<C>, Arc<str>)>,
    make: MakeCell<C, T>,
    /// Where processes share the part; else its cells are on the heap.
    home: Option<Box<Home>>,
    whole: OnceLock<RwLock<Arc<T>>>,
    max_keys: u32,
    /// Made with the first key: most parts have none.
    keys: OnceLock<Box<Mutex<Keys<T>>>>,
}

struct Keys<T> {
    by_name: HashMap<Arc<str>, Slot<T>>,
    /// Second chance: the front is looked at first, a used or busy one goes to the back.
    order: VecDeque<Arc<str>>,
    max: usize,
    told_full: bool,
    told_long: bool,
}

struct Slot<T> {
    cell: Arc<T>,
    used: bool,
}

/// What a request for the cell of a key got.
pub(crate) enum Keyed<T> {
    Cell(Arc<T>),
    /// Every slot is busy; `first` says so once for the life of the part.
    Full {
        first: bool,
    },
    /// No key has so many bytes; `first` as above.
    TooLong {
        first: bool,
    },
}

/// A key is a name of a tenant or a model, not a document.
const KEY_BYTES: usize = 256;

impl<C, T> Family<C, T> {
    pub(crate) fn name(&self) -> Option<&Arc<str>> {
        self.name.as_ref()
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.home.is_some()
    }
}

impl<C: PartialEq, T: Cell> Family<C, T> {
    pub(crate) fn new(
        settings: Arc<C>,
        place: &Arc<str>,
        max_keys: u32,
        home: Option<Box<Home>>,
        make: MakeCell<C, T>,
    ) -> Self {
        Family {
            name: None,
            settings: RwLock::new((settings, place.clone())),
            make,
            home,
            whole: OnceLock::new(),
            max_keys,
            keys: OnceLock::new(),
        }
    }

    pub(crate) fn named(self, name: Arc<str>) -> Self {
        Family { name: Some(name), ..self }
    }

    pub(crate) fn settings(&self) -> Arc<C> {
        self.settings.read().0.clone()
    }

    /// Where other settings than `wanted` were given first, if that is the case.
    pub(crate) fn conflict(&self, wanted: &C) -> Option<Arc<str>> {
        let settings = self.settings.read();
        (*settings.0 != *wanted).then(|| settings.1.clone())
    }

    fn made(&self, key: Option<&str>) -> T {
        (self.make)(&self.settings(), self.spot(key))
    }

    fn spot<'a>(&'a self, key: Option<&'a str>) -> Option<Spot<'a>> {
        self.home.as_deref().map(|home| Spot { home, key })
    }

    /// Finds each shared cell again whose place another has taken, or, `eager`, whose settings are not
    /// those that were asked for.
    pub(crate) fn refresh(&self, eager: bool) {
        let stale = |cell: &T| !cell.is_current() || eager && !cell.is_as_wanted();
        if let Some(whole) = self.whole.get() {
            let mut cell = whole.write();
            if stale(&cell) {
                *cell = Arc::new(self.made(None));
            }
        }
        let Some(keys) = self.keys.get() else { return };
        for (key, slot) in &mut keys.lock().by_name {
            if stale(&slot.cell) {
                slot.cell = Arc::new(self.made(Some(key)));
            }
        }
    }

    /// Asks once more for the place of a cell in its home, where it could have none.
    pub(crate) fn try_again(&self, key: Option<&str>) {
        let Some(home) = self.home.as_deref().filter(|home| home.tries_again()) else { return };
        let retry = |cell: &mut Arc<T>| {
            if !cell.is_shared() {
                *cell = Arc::new(self.made(key));
                if cell.is_shared() {
                    home.has_place();
                }
            }
        };
        match key {
            None => self.whole.get().into_iter().for_each(|whole| retry(&mut whole.write())),
            Some(key) => {
                let Some(keys) = self.keys.get() else { return };
                keys.lock().by_name.get_mut(key).into_iter().for_each(|slot| retry(&mut slot.cell));
            }
        }
    }

    /// Why a cell is not shared that is to be.
    pub(crate) fn lack(&self, cell: &T) -> Option<Arc<str>> {
        self.home.as_deref().filter(|_| !cell.is_shared()).map(Home::problem)
    }

    /// The cell that is not partitioned.
    pub(crate) fn whole(&self) -> Arc<T> {
        self.whole.get_or_init(|| RwLock::new(Arc::new(self.made(None)))).read().clone()
    }

    /// The cell of `key`, made or taken over from an idle key where needed.
    ///
    /// Where every slot is held, `make_room` may let go of some of them, and says whether it did.
    pub(crate) fn at(&self, key: &str, make_room: &dyn Fn() -> bool) -> Keyed<T> {
        let none = || {
            let max = self.max_keys as usize;
            let (by_name, order) = (HashMap::new(), VecDeque::new());
            Box::new(Mutex::new(Keys { by_name, order, max, told_full: false, told_long: false }))
        };
        let mut keys = self.keys.get_or_init(none).lock();
        if key.len() > KEY_BYTES {
            return Keyed::TooLong { first: !std::mem::replace(&mut keys.told_long, true) };
        }
        if let Some(slot) = keys.by_name.get_mut(key) {
            slot.used = true;
            return Keyed::Cell(slot.cell.clone());
        }
        // Twice: at first only what was not used of late is let go of, which may be somebody else's.
        if keys.by_name.len() >= keys.max && !keys.evict() && !(0..2).any(|_| make_room() && keys.evict()) {
            let first = !std::mem::replace(&mut keys.told_full, true);
            return Keyed::Full { first };
        }
        let name: Arc<str> = key.into();
        let cell = Arc::new(self.made(Some(key)));
        keys.order.push_back(name.clone());
        keys.by_name.insert(name, Slot { cell: cell.clone(), used: false });
        Keyed::Cell(cell)
    }

    /// Every cell that exists, with its key.
    pub(crate) fn cells(&self) -> Vec<(Option<Arc<str>>, Arc<T>)> {
        let whole = self.whole.get().map(|cell| (None, cell.read().clone()));
        let mut all: Vec<_> = whole.into_iter().collect();
        if let Some(keys) = self.keys.get() {
            let keys = keys.lock();
            all.extend(keys.by_name.iter().map(|(name, slot)| (Some(name.clone()), slot.cell.clone())));
        }
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    /// Puts new settings in force: `adopt` makes each cell's successor.
    pub(crate) fn reconfigure(&self, settings: Arc<C>, place: &Arc<str>, adopt: Adopt<'_, C, T>) {
        if *self.settings() == *settings {
            return;
        }
        *self.settings.write() = (settings.clone(), place.clone());
        if let Some(whole) = self.whole.get() {
            let mut cell = whole.write();
            if let Some(next) = adopt(&cell, &settings, self.spot(None)) {
                *cell = Arc::new(next);
            }
        }
        let Some(keys) = self.keys.get() else { return };
        for (key, slot) in &mut keys.lock().by_name {
            if let Some(next) = adopt(&slot.cell, &settings, self.spot(Some(key))) {
                slot.cell = Arc::new(next);
            }
        }
    }
}

impl<T: Cell> Keys<T> {
    /// Frees the slot of a key that nobody holds and that is idle, about the least recently used.
    fn evict(&mut self) -> bool {
        // Twice round: once may only clear the used bits.
        for _ in 0..2 * self.order.len() {
            let Some(name) = self.order.pop_front() else { return false };
            let Some(slot) = self.by_name.get_mut(&name) else { continue };
            // Handles are taken under this lock only, so a count of one cannot rise meanwhile.
            let held = Arc::strong_count(&slot.cell) > 1;
            if held || std::mem::take(&mut slot.used) || !slot.cell.is_idle() {
                self.order.push_back(name);
                continue;
            }
            self.by_name.remove(&name);
            return true;
        }
        false
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    struct Busy(bool);
    impl Cell for Busy {
        fn is_idle(&self) -> bool {
            !self.0
        }
    }

    fn family(max: u32) -> Family<bool, Busy> {
        Family::new(Arc::new(false), &"here".into(), max, None, |busy, _| Busy(**busy))
    }

    fn get(family: &Family<bool, Busy>, key: &str) -> Option<Arc<Busy>> {
        match family.at(key, &|| false) {
            Keyed::Cell(cell) => Some(cell),
            Keyed::Full { .. } | Keyed::TooLong { .. } => None,
        }
    }

    #[test]
    fn a_key_keeps_its_cell_while_there_is_room() {
        let family = family(2);
        let first = get(&family, "a").unwrap();
        assert!(Arc::ptr_eq(&first, &get(&family, "a").unwrap()));
    }

    #[test]
    fn a_held_cell_is_never_given_away_and_full_is_said_once() {
        let family = family(1);
        let held = get(&family, "a").unwrap();
        assert!(matches!(family.at("b", &|| false), Keyed::Full { first: true }));
        assert!(matches!(family.at("b", &|| false), Keyed::Full { first: false }));
        drop(held);
        assert!(get(&family, "b").is_some());
        assert_eq!(family.cells().len(), 1);
    }

    #[test]
    fn a_key_that_finds_no_cell_asks_twice_for_room() {
        let family = family(1);
        let held = std::cell::RefCell::new(vec![None, get(&family, "a")]);
        // First something goes that nobody needs, then what held the cell.
        let make_room = || {
            drop(held.borrow_mut().remove(0));
            true
        };
        assert!(matches!(family.at("b", &make_room), Keyed::Cell(_)));
    }

    #[test]
    fn a_cell_that_is_not_idle_stays() {
        let family: Family<bool, Busy> = Family::new(Arc::new(true), &"here".into(), 1, None, |busy, _| Busy(**busy));
        drop(get(&family, "a"));
        assert!(get(&family, "b").is_none());
    }

    #[test]
    fn a_used_key_gets_a_second_chance() {
        let family = family(2);
        for key in ["a", "b"] {
            drop(get(&family, key));
        }
        // The oldest goes first; then "b" is used again and "c", though younger, goes before it.
        drop(get(&family, "c"));
        drop(get(&family, "b"));
        drop(get(&family, "d"));
        let names: Vec<_> = family.cells().into_iter().filter_map(|(name, _)| name).collect();
        assert_eq!(names, ["b".into(), "d".into()]);
    }
}
