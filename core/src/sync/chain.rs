//! A chain whose last link is in force. Who reads it takes no lock, and what he read stays for as long as the
//! chain does.

use super::{Arc, AtomicPtr, Ordering};
use std::ops::Deref;
use std::ptr;

/// One of a chain. In this order: where it is, the value is.
#[repr(C)]
pub(crate) struct Link<T> {
    value: T,
    /// Null, or an `Arc`'s own pointer, which this link keeps: set once, and taken out only with the link itself.
    next: AtomicPtr<Link<T>>,
}

pub(crate) struct Chain<T> {
    first: Arc<Link<T>>,
    /// The last that somebody came to, or one before: this or what follows it.
    last: AtomicPtr<Link<T>>,
}

impl<T> Deref for Link<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Link<T> {
    pub(crate) fn new(value: T) -> Arc<Link<T>> {
        Arc::new(Link { value, next: AtomicPtr::new(ptr::null_mut()) })
    }

    /// The next one, if there is one.
    #[allow(unsafe_code)]
    fn next(&self) -> Option<Kept<'_, T>> {
        // SAFETY: what `next` says. Acquire: what the link says was written before.
        unsafe { Kept::new(self.next.load(Ordering::Acquire)) }
    }

    /// A next one, where there is none yet; of several that come at once one makes it.
    fn add(&self, value: T) -> Option<Kept<'_, T>> {
        let made = Link::new(value);
        let at = Arc::as_ptr(&made).cast_mut();
        // AcqRel: what the link says is there for who finds it, and what another's says.
        if self.next.compare_exchange(ptr::null_mut(), at, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            // From here on it is kept by this link.
            let _ = Arc::into_raw(made);
        }
        self.next()
    }

    #[allow(unsafe_code)]
    fn take_next(&mut self) -> Option<Arc<Link<T>>> {
        let next = self.next.swap(ptr::null_mut(), Ordering::Acquire);
        // SAFETY: where it is not null it was put there out of an `Arc`, and is taken out once.
        (!next.is_null()).then(|| unsafe { Arc::from_raw(next) })
    }
}

/// A link that is kept by the one before it, or by the chain that begins with it.
struct Kept<'a, T> {
    link: &'a Link<T>,
    /// The same, as its `Arc` knows it.
    at: *mut Link<T>,
}

impl<T> Kept<'_, T> {
    /// # Safety
    /// `at` is null, or an `Arc`'s own pointer that is kept as long as this.
    #[allow(unsafe_code)]
    unsafe fn new(at: *mut Link<T>) -> Option<Self> {
        // SAFETY: as said.
        unsafe { at.as_ref() }.map(|link| Kept { link, at })
    }

    /// Keeps it for longer.
    #[allow(unsafe_code)]
    fn keep(&self) -> Arc<Link<T>> {
        // SAFETY: it is an `Arc`'s own pointer, and kept meanwhile.
        unsafe {
            Arc::increment_strong_count(self.at);
            Arc::from_raw(self.at)
        }
    }
}

impl<T> Chain<T> {
    pub(crate) fn new(value: T) -> Chain<T> {
        Chain::from(Link::new(value))
    }

    /// One that begins there.
    pub(crate) fn from(first: Arc<Link<T>>) -> Chain<T> {
        Chain { last: AtomicPtr::new(Arc::as_ptr(&first).cast_mut()), first }
    }

    /// One more that begins where this one does, and has come as far.
    pub(crate) fn again(&self) -> Chain<T> {
        Chain { last: AtomicPtr::new(self.last.load(Ordering::Acquire)), first: self.first.clone() }
    }

    pub(crate) fn first(&self) -> &T {
        &self.first
    }

    /// The last that somebody came to.
    #[inline(always)]
    #[allow(unsafe_code)]
    pub(crate) fn last(&self) -> &T {
        // SAFETY: never null, but `first`, which the chain keeps, or one that was found by going on from there: each
        // keeps the next. Acquire: what the link says was written before it was come to.
        unsafe { &*self.last.load(Ordering::Acquire) }
    }

    #[allow(unsafe_code)]
    fn last_link(&self) -> Kept<'_, T> {
        // SAFETY: as in `last`, and by the pointer of its `Arc`.
        unsafe { Kept::new(self.last.load(Ordering::Acquire)) }.unwrap_or_else(|| self.first_link())
    }

    fn first_link(&self) -> Kept<'_, T> {
        Kept { link: &self.first, at: Arc::as_ptr(&self.first).cast_mut() }
    }

    fn come_to<'a>(&'a self, link: Kept<'a, T>) -> Kept<'a, T> {
        // Release: see `last`. Who comes late sets it back, and the next goes on once more.
        self.last.store(link.at, Ordering::Release);
        link
    }

    /// The link behind the last one, where that is still `from`, made where there is none: of several made at once
    /// one counts. Else where another came to.
    pub(crate) fn go_on(&self, from: &T, make: impl FnOnce() -> T) -> &T {
        let last = self.last_link();
        if !ptr::eq(&last.link.value, from) {
            return last.link;
        }
        let next = last.link.next().or_else(|| last.link.add(make()));
        next.map_or(last.link, |next| self.come_to(next).link)
    }

    /// All of them, from the first on.
    pub(crate) fn links(&self) -> impl Iterator<Item = &T> {
        from_link(self.first_link()).map(|link| &link.link.value)
    }

    /// The last one that `belongs`, which the first one does, and none does that follows one that does not.
    pub(crate) fn last_that(&self, belongs: impl Fn(&T) -> bool) -> &T {
        let last = self.last_link();
        let start = if belongs(last.link) { last } else { self.first_link() };
        from_link(start).map(|link| &link.link.value).take_while(|link| belongs(link)).last().unwrap_or(&self.first)
    }

    /// Keeps a link of this chain for longer.
    pub(crate) fn keep(&self, value: &T) -> Arc<Link<T>> {
        let is = |link: &Kept<'_, T>| ptr::eq(&link.link.value, value);
        let last = self.last_link();
        let link = if is(&last) { Some(last) } else { from_link(self.first_link()).find(is) };
        link.map_or_else(|| self.first.clone(), |link| link.keep())
    }
}

fn from_link<T>(link: Kept<'_, T>) -> impl Iterator<Item = Kept<'_, T>> {
    std::iter::successors(Some(link), |link| link.link.next())
}

/// One after the other: a chain may have more links than a stack has room for.
impl<T> Drop for Link<T> {
    fn drop(&mut self) {
        let mut next = self.take_next();
        while let Some(mut link) = next.and_then(Arc::into_inner) {
            next = link.take_next();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_stays_and_the_last_is_found_at_once() {
        let chain = Chain::new(0);
        let first = chain.last();
        for number in 1..5 {
            assert_eq!(chain.go_on(chain.last(), || number), chain.last());
        }
        assert_eq!((first, chain.first(), chain.last()), (&0, &0, &4));
        assert_eq!(chain.links().copied().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert_eq!([0, 2, 4, 9].map(|most| *chain.last_that(|number| *number <= most)), [0, 2, 4, 4]);
        assert!(chain.links().all(|link| ptr::eq(&**chain.keep(link), link)));
        // Nobody goes on from where another has gone on already.
        assert_eq!(chain.go_on(first, || unreachable!()), &4);
    }

    #[test]
    fn one_more_goes_on_with_the_first() {
        let chain = Chain::new(0);
        let behind = chain.again();
        chain.go_on(chain.last(), || 1);
        let again = chain.again();
        assert_eq!((again.first(), again.last(), behind.last()), (&0, &1, &0));
        // Made once, whoever comes there.
        assert_eq!(behind.go_on(behind.last(), || unreachable!()), &1);
        again.go_on(again.last(), || 2);
        drop((chain, again));
        assert_eq!(behind.go_on(behind.last(), || unreachable!()), &2);
    }

    #[test]
    fn a_chain_of_any_length_is_left_without_going_deep() {
        let counted = Arc::new(());
        let chain = Chain::new(counted.clone());
        let held = chain.keep(chain.last());
        for _ in 0..200_000 {
            chain.go_on(chain.last(), || counted.clone());
        }
        drop(chain);
        assert_eq!(Arc::strong_count(&counted), 200_002);
        drop(held);
        assert_eq!(Arc::strong_count(&counted), 1);
    }

    #[test]
    fn each_link_is_made_once_by_whoever_comes_first() {
        let chain = Chain::new(0);
        let come = || {
            while *chain.last() < 1000 {
                let before = chain.last();
                if *before < 1000 {
                    chain.go_on(before, || before + 1);
                }
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(come))));
        assert!(chain.links().copied().eq(0..=1000));
    }
}
