/** Where a request comes from, for the change log and for the count of failed log-ins. */

/** Node forgets the address of a connection that has ended, perhaps while its request waited for something. */
export function sourceOf ({ ip }: { readonly ip: string | undefined }): string {
  return ip ?? 'unknown'
}
