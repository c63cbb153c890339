/** Version 6: functions of before, mended. */
import type { Names } from '../names.js'
import { countTrees } from './trees.js'

/** What runs in the middle of a change of somebody who may have no rights for the tables of later migrations. Only tables call these. */
const triggers = ['count_records', 'count_trees', 'keep_trees', 'drop_trees']
/** What is looked up without a schema is nobody's temporary table. */
const path = 'set search_path = pg_catalog, pg_temp'

export const mendedFunctions = ({ schema: s }: Names): string => `${countTrees(s, 'create or replace')}
${triggers.map(name => `alter function ${s}.${name}() security definer ${path};
revoke execute on function ${s}.${name}() from public;`).join('\n')}
alter function ${s}.begin_counting(text) ${path};
alter function ${s}.begin_trees() ${path};
`
