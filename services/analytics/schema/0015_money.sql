-- How a deal's amount is shared among its products: in proportion to the amounts of their lines, or by number of lines if those
-- are all zero. The parts have the decimals of the currency and add up to the amount: each gets what is whole, and what is
-- then left over goes, one smallest unit each, to those that were cut most; of equals, to the one that comes first in
-- the deal. A deal without line items is all of no product.
CREATE FUNCTION analytics.product_parts(line_items jsonb, total numeric, digits integer)
RETURNS TABLE (id uuid, part numeric) LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT c.id, (c.whole + least(greatest(c.units + 1 - sum(c.whole) OVER () - row_number() OVER (ORDER BY c.rest DESC, c.nr),
                                           0), 1)) * 10 ^ (-digits)::numeric
      FROM (SELECT p.id, p.nr, p.units,
                   CASE WHEN p.all_zero THEN div(p.units * p.n, p.all_n) ELSE div(p.units * p.amount, p.all_amount) END AS whole,
                   CASE WHEN p.all_zero THEN mod(p.units * p.n, p.all_n) ELSE mod(p.units * p.amount, p.all_amount) END AS rest
              FROM (SELECT i.id, min(i.nr) AS nr, sum(i.amount) AS amount, count(*) AS n, total * 10 ^ digits::numeric AS units,
                           sum(sum(i.amount)) OVER w AS all_amount, sum(count(*)) OVER w AS all_n,
                           sum(sum(i.amount)) OVER w = 0 AS all_zero
                      FROM (SELECT (e->>'productId')::uuid AS id, (e->>'amount')::numeric AS amount, nr
                              FROM jsonb_array_elements(CASE WHEN line_items = '[]' THEN '[{"amount": "0"}]'
                                                             ELSE line_items END) WITH ORDINALITY AS l (e, nr)) i
                     GROUP BY i.id WINDOW w AS ()) p) c
$$;
