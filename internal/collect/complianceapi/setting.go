package complianceapi

import "time"

// recently is how long ago a setting was changed where it is worth looking at those in force.
const recently = time.Hour

// tellOfSettings tells that a setting was changed lately, once for each change that is later than those before.
func (c *Collector) tellOfSettings(at time.Time) {
	if c.settingChanged == nil || !at.After(c.setting) {
		return
	}
	c.setting = at
	if now, _, known := c.client.Now(); known && now.Sub(at) < recently {
		c.settingChanged()
	}
}
