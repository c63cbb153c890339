/** Header fields that go with an error, whoever renders it: Allow with a 405, Content-Range with a 416. */
export function withHeaders<E extends Error> (error: E, headers: Readonly<Record<string, string>>): E & { headers: Readonly<Record<string, string>> } {
  return Object.assign(error, { headers })
}
