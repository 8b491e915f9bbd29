import { queryClient } from "../api/queries";

/** After a new version or another status: forms, menus and the console's own lists are read again. */
export async function readServicesAgain(): Promise<void> {
  queryClient.removeQueries({ queryKey: ["form"] });
  await Promise.all([
    queryClient.invalidateQueries({ queryKey: ["menus"] }),
    queryClient.invalidateQueries({ queryKey: ["console"] }),
  ]);
}
