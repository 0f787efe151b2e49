// The grid that header and rows share. Type and cadence move into the second line where there is no room for them.
export const ROW_GRID =
  "grid grid-cols-[2.75rem_minmax(0,1fr)_auto] md:grid-cols-[2.75rem_7rem_minmax(0,1fr)_9.5rem_6.5rem_5rem_3rem] xl:grid-cols-[2.75rem_7rem_minmax(0,1fr)_6rem_7rem_9.5rem_6.5rem_5rem_3rem] items-center";

/** Every row has the same height, so that the position of row 73,912 is known without drawing the others. */
export const ROW_HEIGHT = { wide: 60, narrow: 76 };
