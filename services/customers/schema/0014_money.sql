-- Amounts that have more decimals than their currency are rounded, so that a record can be sent back as it is read; the log has
-- what they were.
UPDATE customers.accounts a SET annual_revenue = round(a.annual_revenue, c.digits)
  FROM identity.orgs o JOIN app.currencies c ON c.code = o.currency
 WHERE o.org_id = a.org_id AND scale(trim_scale(a.annual_revenue)) > c.digits;
