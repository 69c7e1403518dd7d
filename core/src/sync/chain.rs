//! A chain whose last link is in force. Who reads it takes no lock, and what he read stays for as long as the
//! chain does.

use super::{Arc, AtomicPtr, OnceLock, Ordering};
use std::ops::Deref;

/// One of a chain.
pub(crate) struct Link<T> {
    value: T,
    next: OnceLock<Arc<Link<T>>>,
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
    fn new(value: T) -> Arc<Link<T>> {
        Arc::new(Link { value, next: OnceLock::new() })
    }
}

impl<T> Chain<T> {
    pub(crate) fn new(value: T) -> Chain<T> {
        Chain::from(Link::new(value))
    }

    fn from(first: Arc<Link<T>>) -> Chain<T> {
        Chain { last: AtomicPtr::new(Arc::as_ptr(&first).cast_mut()), first }
    }

    /// One more that begins where this one has come to: what was before is not its own.
    pub(crate) fn again(&self) -> Chain<T> {
        while let Some(next) = self.last_link().next.get() {
            self.come_to(next);
        }
        Chain::from(self.keep(self.last()))
    }

    pub(crate) fn first(&self) -> &T {
        &self.first
    }

    /// The last that somebody came to.
    #[inline(always)]
    pub(crate) fn last(&self) -> &T {
        self.last_link()
    }

    #[inline(always)]
    #[allow(unsafe_code)]
    fn last_link(&self) -> &Link<T> {
        // SAFETY: it is `first`, which `self` keeps, or was found by going on from there, and each link keeps the
        // next one: what is set once in `next` is taken out only where nobody has the link any more.
        // Acquire: what the link says was written before it was come to.
        unsafe { &*self.last.load(Ordering::Acquire) }
    }

    fn come_to(&self, link: &Arc<Link<T>>) {
        // Release: see `last_link`. Who comes late sets it back, and the next goes on once more.
        self.last.store(Arc::as_ptr(link).cast_mut(), Ordering::Release);
    }

    /// The link behind the last one, made where there is none.
    pub(crate) fn go_on(&self, make: impl FnOnce() -> T) -> &T {
        let next = self.last_link().next.get_or_init(|| Link::new(make()));
        self.come_to(next);
        next
    }

    /// All of them, from the first on.
    pub(crate) fn links(&self) -> impl Iterator<Item = &T> {
        Chain::from_link(&self.first)
    }

    /// The last one that `belongs`, which the first one does, and none does that follows one that does not.
    pub(crate) fn last_that(&self, belongs: impl Fn(&T) -> bool) -> &T {
        let last = self.last_link();
        let start = if belongs(last) { last } else { &self.first };
        Chain::from_link(start).take_while(|link| belongs(link)).last().unwrap_or(&self.first)
    }

    fn from_link(link: &Link<T>) -> impl Iterator<Item = &T> {
        std::iter::successors(Some(link), |link| link.next.get().map(|next| &**next)).map(|link| &link.value)
    }

    /// Keeps a link of this chain for longer.
    #[allow(unsafe_code)]
    pub(crate) fn keep(&self, value: &T) -> Arc<Link<T>> {
        let last = self.last.load(Ordering::Acquire).cast_const();
        // SAFETY: as in `last_link`; every link is an `Arc`'s, by whose own pointer it is known here.
        unsafe {
            if std::ptr::eq(&(*last).value, value) {
                Arc::increment_strong_count(last);
                return Arc::from_raw(last);
            }
        }
        let mut link = &self.first;
        while let Some(next) = link.next.get().filter(|_| !std::ptr::eq(&***link, value)) {
            link = next;
        }
        link.clone()
    }
}

/// One after the other: a chain may have more links than a stack has room for.
impl<T> Drop for Link<T> {
    fn drop(&mut self) {
        let mut next = self.next.take();
        while let Some(mut link) = next.and_then(Arc::into_inner) {
            next = link.next.take();
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
            assert_eq!(chain.go_on(|| number), chain.last());
        }
        assert_eq!((first, chain.first(), chain.last()), (&0, &0, &4));
        assert_eq!(chain.links().copied().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert_eq!([0, 2, 4, 9].map(|most| *chain.last_that(|number| *number <= most)), [0, 2, 4, 4]);
        assert!(chain.links().all(|link| std::ptr::eq(&**chain.keep(link), link)));
    }

    #[test]
    fn one_more_begins_at_the_last_and_goes_on_with_the_first() {
        let chain = Chain::new(0);
        let behind = chain.again();
        chain.go_on(|| 1);
        let again = chain.again();
        assert_eq!((again.first(), again.last(), behind.last()), (&1, &1, &0));
        again.go_on(|| 2);
        // Made once, whoever comes there.
        assert_eq!((behind.go_on(|| unreachable!()), chain.go_on(|| unreachable!())), (&1, &2));
        drop(chain);
        assert_eq!(behind.again().last(), &2);
    }

    #[test]
    fn a_chain_of_any_length_is_left_without_going_deep() {
        let counted = Arc::new(());
        let chain = Chain::new(counted.clone());
        let held = chain.keep(chain.last());
        for _ in 0..200_000 {
            chain.go_on(|| counted.clone());
        }
        drop(chain);
        assert_eq!(Arc::strong_count(&counted), 200_002);
        drop(held);
        assert_eq!(Arc::strong_count(&counted), 1);
    }

    #[test]
    fn whoever_comes_first_makes_the_link() {
        let chain = Chain::new(0);
        let come = || {
            for number in 1..1000 {
                while *chain.last() < number {
                    let before = *chain.last();
                    chain.go_on(|| before + 1);
                }
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(come))));
        assert!(chain.links().copied().eq(0..1000));
    }
}
