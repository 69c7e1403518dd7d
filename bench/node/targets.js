// What is protected.

export const HOUR = 3_600_000; // ms: nothing resets or expires in a run
export const FAILURE = new Error('planned'); // made once: no stack is captured in the timed call

export const ok = () => async () => 42;

export const down = async () => {
  throw FAILURE;
};

/** Fails, but for the first call of so many: no window is ever full of failures. */
export function failing(but = 64) {
  let calls = 0;
  return async () => {
    if (calls++ % but !== 0) throw FAILURE;
    return 42;
  };
}

/** So many calls, whatever comes of them. */
export async function times(n, call) {
  for (let i = 0; i < n; i++) await Promise.resolve(call()).catch(() => {});
}
