/** What is kept for one key: the view, and how it lets go of its cells. */
export interface Kept<View> { readonly view: View; readonly park: () => void; readonly lacksRoom: boolean; used: boolean }

/**
 * The views of a policy for the keys in use: about the most recently used ones. They hold at most
 * half of what the core keeps, and less where it is short of room, so that it can always make some
 * for a key that is new.
 */
export class Keys<View> {
  readonly #views = new Map<string, Kept<View>>();

  constructor(private readonly make: (key: string) => Kept<View>) {}

  find(key: string, maxKeys: number): View {
    const known = this.#views.get(key);
    if (known !== undefined) {
      known.used = true;
      return known.view;
    }
    this.#leave(Math.max(1, maxKeys >> 1) - 1);
    let made = this.make(key);
    if (made.lacksRoom && this.#views.size > 0) {
      // Others hold the rest: what is held here goes, the less used half of it first.
      this.#leave(this.#views.size >> 1);
      made.park();
      made = this.make(key);
    }
    this.#views.set(key, made);
    return made.view;
  }

  /** Parks all but `most`: first those that were not used since the last round, the oldest first. */
  #leave(most: number): void {
    for (const [key, known] of this.#views) {
      if (this.#views.size <= most) return;
      this.#views.delete(key);
      if (known.used) this.#views.set(key, { ...known, used: false });
      else known.park();
    }
  }
}
