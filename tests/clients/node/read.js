// Reads rows with tedious. Each line of standard input is a request
//   {"host", "port", "user", "password", "database", "sql"}
// and gives one line a row, an array of cells, then {"rows": n} or {"error": "…"}. A cell is null or {"type", "value"};
// values are exact: int and decimal as digits, float as the 16 hex digits of its bits, bytes in hex, text as hex of
// UTF-16LE, dates and times as text with all the digits that tedious has. decimal and money are numbers in tedious, so
// they come as float.
'use strict';

const readline = require('node:readline');
const { Connection, Request } = require('tedious');

const INTEGERS = new Set(['TinyInt', 'SmallInt', 'Int', 'BigInt', 'IntN']);
const TIMES = { Date: 'date', Time: 'time' };

function hexOfFloat(number) {
  const bits = Buffer.alloc(8);
  bits.writeDoubleBE(number);
  return bits.toString('hex');
}

// Year … second, then seven digits: tedious keeps what milliseconds do not hold in nanosecondsDelta, as seconds.
function moment(value, kind) {
  const text = value.toISOString().replace(/^[+-]0*(?=\d{4})/, '');
  const ticks = value.getUTCMilliseconds() * 10000 + Math.round((value.nanosecondsDelta ?? 0) * 1e7);
  const [date, time] = text.slice(0, -5).split('T');
  const whole = `${time}.${String(ticks).padStart(7, '0')}`;
  return kind === 'date' ? date : kind === 'time' ? whole : `${date} ${whole}`;
}

function cell({ value, metadata }) {
  if (value === null || value === undefined) return null;
  const type = metadata.type.name;
  if (INTEGERS.has(type)) return { type: 'int', value: String(value) };
  if (type === 'UniqueIdentifier') return { type: 'guid', value };
  if (value instanceof Date) {
    if (type === 'DateTimeOffset') return { type: 'datetimeoffset', value: `${moment(value)} +00:00` };
    return { type: TIMES[type] ?? 'datetime', value: moment(value, TIMES[type]) };
  }
  if (Buffer.isBuffer(value)) return { type: 'bytes', value: value.toString('hex') };
  switch (typeof value) {
    case 'boolean': return { type: 'bool', value };
    case 'number': return { type: 'float', value: hexOfFloat(value) };
    case 'string': return { type: 'text', value: Buffer.from(value, 'utf16le').toString('hex') };
    default: throw new Error(`no cell for ${typeof value} of a ${type} column`);
  }
}

function connect(request) {
  const { host, port, user, password, database } = request;
  const options = {
    port, database, encrypt: false, trustServerCertificate: true, useUTC: true,
    connectTimeout: 15000, requestTimeout: 60000, cancelTimeout: 5000,
  };
  const authentication = { type: 'default', options: { userName: user, password } };
  const connection = new Connection({ server: host, authentication, options });
  return new Promise((resolve, reject) => {
    connection.on('error', reject);
    connection.connect((error) => (error ? reject(error) : resolve(connection)));
  });
}

async function answer(request, write) {
  const connection = await connect(request);
  try {
    return await new Promise((resolve, reject) => {
      const sent = new Request(request.sql, (error, rows) => (error ? reject(error) : resolve(rows)));
      let rows = 0;
      sent.on('row', (columns) => {
        rows += 1;
        try {
          write(columns.map(cell));
        } catch (error) {
          reject(error);
        }
      });
      sent.on('requestCompleted', () => resolve(rows));
      connection.on('end', () => reject(new Error('the connection ended before the rows did')));
      connection.execSqlBatch(sent);
    });
  } finally {
    connection.close();
  }
}

async function main() {
  const write = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
  for await (const line of readline.createInterface({ input: process.stdin })) {
    try {
      write({ rows: await answer(JSON.parse(line), write) });
    } catch (error) {
      write({ error: String(error.message ?? error) });
    }
  }
}

main();
