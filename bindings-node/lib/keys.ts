/** What is kept for one key: the view, and how it lets go of its cells. */
export interface Kept<View> { readonly view: View; readonly park: () => void; used: boolean }

/**
 * The views of a policy for the keys in use: about the most recently used ones. They hold a quarter
 * of what the core keeps, so that it can always make room for a key that is new.
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
    this.#makeRoom(Math.max(1, maxKeys >> 2));
    const made = this.make(key);
    this.#views.set(key, made);
    return made.view;
  }

  /** Parks views that were not used since the last round, the oldest first. */
  #makeRoom(most: number): void {
    for (const [key, known] of this.#views) {
      if (this.#views.size < most) return;
      this.#views.delete(key);
      if (known.used) this.#views.set(key, { ...known, used: false });
      else known.park();
    }
  }
}
