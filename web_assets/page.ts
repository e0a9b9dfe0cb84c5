// What every page can do with scripts that it cannot without: stay current, ask before it acts in a dialog,
// tell the time, copy. Pages are complete without it.
import { keepCurrent } from "./page/live";
import { askFirst, sendOnce } from "./page/forms";
import { tellTimes } from "./page/times";
import { offerCopies } from "./page/copying";
import { closeMenus, focusSearch } from "./page/keys";
import { followState } from "./page/state";

askFirst();
sendOnce();
tellTimes();
offerCopies(document);
closeMenus();
focusSearch();
followState();
keepCurrent();
