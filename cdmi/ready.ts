/** Steps of which most need not wait: what is there at once goes on at once, without a promise. */

/** `next` of the value; a promise only where one of the two is one. */
export function andThen<T, U> (value: T | Promise<T>, next: (value: T) => U | Promise<U>): U | Promise<U> {
  return value instanceof Promise ? value.then(next) : next(value)
}
