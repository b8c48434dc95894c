/** TSOCI_RACES multiplies the rounds of tests where much happens at once (12 make the 500 lives of a long run). */
export const TIMES = Number(process.env['TSOCI_RACES'] ?? 1);
