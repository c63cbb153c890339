/**
 * Version 7: what version 6 took away from servers of before, which go on beside newer ones until they are replaced. It has a number of its own, and version 6 is left
 * as it was, for there are stores that have version 6 already.
 */
import type { Names } from '../names.js'

export const formerPrune = ({ schema: s }: Names): string => `
-- Who calls it goes on until it answers 0: containers that are forgotten count, too, for behind them there may be more to remove.
create function ${s}.prune(most int) returns int language sql as $function$
  select step.removed + step.cleared from ${s}.prune_step(most) step
$function$;
`
