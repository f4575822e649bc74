/**
 * Something that is fetched: its value, whether it is being fetched, and why that failed.
 */
export interface ILoaded<T> {
  readonly value: T | null;
  readonly loading: boolean;
  readonly error: string | null;
}

/**
 * Return the state before anything was fetched.
 */
export function nothing<T>(): ILoaded<T> {
  return { value: null, loading: false, error: null };
}

/**
 * Fetch; where that fails, keep the former value and say why.
 */
export async function settle<T>(
  former: ILoaded<T>,
  fetch: () => Promise<T>,
  why: (error: unknown) => string = messageOf
): Promise<ILoaded<T>> {
  try {
    return { value: await fetch(), loading: false, error: null };
  } catch (error) {
    return { ...former, loading: false, error: why(error) };
  }
}

/**
 * Return what an error says.
 */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
