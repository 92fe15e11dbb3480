/** Which of the known names was probably meant. */

/** Edits (insert, delete, replace, swap) between two words. */
function distance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => [i, ...Array<number>(b.length).fill(0)]);
  for (let j = 0; j <= b.length; j++) rows[0][j] = j;
  for (let i = 1; i <= a.length; i++)
    for (let j = 1; j <= b.length; j++) {
      const isEqual = a[i - 1] === b[j - 1];
      rows[i][j] = Math.min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (isEqual ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        rows[i][j] = Math.min(rows[i][j], rows[i - 2][j - 2] + 1);
    }
  return rows[a.length][b.length];
}

/** The name nearest to `given`, if one is near enough for a slip of the finger. */
export function closest(given: string, names: readonly string[]): string | undefined {
  const word = given.toLowerCase();
  const ranked = names.map((name) => ({ name, edits: distance(word, name.toLowerCase()) }));
  ranked.sort((a, b) => a.edits - b.edits);
  return ranked[0] && ranked[0].edits <= Math.max(1, Math.floor(given.length / 3)) ? ranked[0].name : undefined;
}
