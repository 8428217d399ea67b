// An app that imports, with plugins that require: they must be fastened to what the app has.
import * as library from 'strophe.js';
import 'strophejs-plugin-rsm';
import 'strophejs-plugin-disco';
import 'strophejs-plugin-caps';
import 'strophejs-plugin-mam';
import 'strophejs-plugin-muc';
import 'strophejs-plugin-roster';

window.library = library;
