// What hyparquet makes of a Parquet file, as JSON that loses nothing of it:
//   node hyparquet.mjs FILE '{"utf8": false}'
// prints {column: [[kind, text] or null, ...]}, where the kind is the value's type in JavaScript.
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";

function described(value) {
  if (value === null || value === undefined) return null;
  if (value instanceof Date) return ["Date", String(value.getTime())];
  if (value instanceof Uint8Array) return ["Uint8Array", Buffer.from(value).toString("hex")];
  if (typeof value === "object") return ["coordinates" in value ? "GeoJSON" : "object", JSON.stringify(value)];
  return [typeof value, Object.is(value, -0) ? "-0" : String(value)];
}

const [path, options] = process.argv.slice(2);
const rows = await parquetReadObjects({ file: await asyncBufferFromFile(path), compressors, ...JSON.parse(options) });
const columns = {};
for (const name of Object.keys(rows[0] ?? {})) columns[name] = rows.map((row) => described(row[name]));
process.stdout.write(JSON.stringify(columns));
