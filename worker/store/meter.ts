/** What a piece of work cost at D1: counted from what D1 itself reports, never estimated. */
export interface D1Cost {
  roundTrips: number;
  rowsRead: number;
  rowsWritten: number;
}

/** A database that adds what each call costs to `cost`. */
export function metered(d1: D1Database, cost: D1Cost): D1Database {
  const add = (results: { meta: { rows_read?: number; rows_written?: number } }[]) => {
    cost.roundTrips += 1;
    for (const { meta } of results) {
      cost.rowsRead += meta.rows_read ?? 0;
      cost.rowsWritten += meta.rows_written ?? 0;
    }
  };
  const wrap = (inner: D1PreparedStatement): D1PreparedStatement =>
    new Proxy(inner, {
      get(target, name) {
        if (name === innerStatement) return target;
        if (name === 'bind') return (...values: unknown[]) => wrap(target.bind(...values));
        if (name === 'all' || name === 'run')
          return async () => {
            const result = await target.all();
            add([result]);
            return result;
          };
        // D1's own raw() does not tell what it cost. Columns of a query that is read so must have distinct names.
        if (name === 'raw')
          return async () => {
            const result = await target.all<Record<string, unknown>>();
            add([result]);
            return result.results.map((row) => Object.values(row));
          };
        if (name === 'first')
          throw new Error('a metered statement counts all(), run() and raw(), not first()');
        return Reflect.get(target, name);
      },
    });
  return new Proxy(d1, {
    get(target, name) {
      if (name === 'prepare') return (query: string) => wrap(target.prepare(query));
      if (name === 'batch')
        return async (statements: D1PreparedStatement[]) => {
          const results = await target.batch(statements.map(unwrap));
          add(results);
          return results;
        };
      return Reflect.get(target, name);
    },
  });
}

const innerStatement = Symbol('innerStatement');

function unwrap(statement: D1PreparedStatement): D1PreparedStatement {
  return (
    (statement as D1PreparedStatement & { [innerStatement]?: D1PreparedStatement })[innerStatement] ??
    statement
  );
}
