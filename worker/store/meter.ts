/**
 * What a piece of work cost at D1: what it was asked, whether it answered or not, and what it said of the rows,
 * never estimated.
 */
export interface D1Cost {
  roundTrips: number;
  /** Of which the platform bounds how many one invocation may run, those of a batch one by one. */
  statements: number;
  rowsRead: number;
  rowsWritten: number;
}

/** Size of a database as it last said, bytes; 0 before it was asked anything. */
export interface Size {
  bytes: number;
}

/** A database that adds what each call costs to `cost`, and notes how large it is. */
export function metered(d1: D1Database, cost: D1Cost, size: Size): D1Database {
  const ask = (statements: number) => {
    cost.roundTrips += 1;
    cost.statements += statements;
  };
  const add = (results: { meta: { rows_read?: number; rows_written?: number; size_after?: number } }[]) => {
    for (const { meta } of results) {
      cost.rowsRead += meta.rows_read ?? 0;
      cost.rowsWritten += meta.rows_written ?? 0;
      size.bytes = meta.size_after ?? size.bytes;
    }
  };
  const wrap = (inner: D1PreparedStatement): D1PreparedStatement =>
    new Proxy(inner, {
      get(target, name) {
        if (name === innerStatement) return target;
        if (name === 'bind') return (...values: unknown[]) => wrap(target.bind(...values));
        if (name === 'all' || name === 'run')
          return async () => {
            ask(1);
            const result = await target.all();
            add([result]);
            return result;
          };
        // D1's own raw() does not tell what it cost. Columns of a query that is read so must have distinct names.
        if (name === 'raw')
          return async () => {
            ask(1);
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
          ask(statements.length);
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
