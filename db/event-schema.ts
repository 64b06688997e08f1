/** Number of the shape in which events are written today. A changed shape gets the next number, and readers learn both. */
export const SCHEMA = 1;
