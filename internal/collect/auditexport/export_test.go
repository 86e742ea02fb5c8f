package auditexport

// SetBatch sets how many rows one delivery has.
func (x *Importer) SetBatch(rows int) { x.batch = rows }
