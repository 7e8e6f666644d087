// Partitions as range text, as `backfilld.range_text` reads them.

export const MARKS = ",[]";
export const MARKS_OF_TWO = ",[]|;=";

function quoted(key, marks) {
  const isPlain = key && !/^[\s"'.]|[\s.]$|\*|\n|\.\.\./.test(key) && ![...marks].some((mark) => key.includes(mark));
  return isPlain ? key : `"${key.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

export function side(parts, [a, b], marks) {
  const first = parts[Math.min(a, b)][0];
  const last = parts[Math.max(a, b)][1];
  return first === last ? quoted(first, marks) : `[${quoted(first, marks)}...${quoted(last, marks)}]`;
}
