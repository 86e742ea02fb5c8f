// Package alert is the outbox of detections: it groups what fired into alerts, tells people of them over channels, and keeps what
// people decide about them.
//
// An alert is the firings of one rule about one group (an account, a key) whose records came within a window of the first. Its id rests on these
// alone, so it is the same whenever it is computed. What people decide (acknowledge, resolve, except) are acts in the journal, which
// Book folds; whether an alert is open is told by its firings and those acts, never by memory of our own.
//
// Durability: DIR/alerts.db (synchronous=FULL) remembers up to where firings were taken in and what was sent to whom; a firing is
// taken in together with the cursor and with what is to be sent. What is to be sent is kept until the channel acknowledged it or it
// was given up, so an alert is told at least once: a crash between an acknowledgement and its commit sends one message again under the same id. A rebuild
// of the view of detections keeps the order and the ids of firings and sends nothing twice. A lost alerts.db is made anew from all firings and tells
// again of at most those alerts that are open. The file holds ids, counts and times, never a value of a record: messages are
// made of the firing when they are sent, so erasing a record needs nothing here.
//
// Order: each channel gets the messages of one alert in their order. Concurrency: Run owns every goroutine of an Outbox; Keeper's methods may be
// called by anybody at once; Book belongs to its acts.State. A channel that is slow or dead holds up no other.
package alert
