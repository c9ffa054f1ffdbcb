/** Makes a value when it is first asked for, and keeps it for as long as the isolate lives. */
export function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
