// Package browsertest drives the console in a headless Chromium: every page, wide and narrow, light and dark, by keyboard,
// with nothing on the browser's console, no request off the machine, and no serious finding of axe. It has only tests;
// nothing in it is durable, ordered or concurrent. The tests are skipped where no Chromium is found.
package browsertest
