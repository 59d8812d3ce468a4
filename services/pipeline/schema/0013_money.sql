-- Amounts that the service computes have the decimals of the organisation's currency.

-- Line items with names, prices and amounts filled in. Keys are the JSON names of the message LineItem. A product that is
-- deleted, or no longer sold, may stay in a deal that has it (known), and not come into another; history (open is
-- false) has what was sold at the time.
CREATE OR REPLACE FUNCTION pipeline.priced(org uuid, items jsonb, known jsonb, open boolean DEFAULT false) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
    digits integer := identity.money_digits(org);
    result jsonb := '[]';
    item   record;
BEGIN
    FOR item IN
        SELECT n - 1 AS at, p.id, p.delete_time, p.discontinued, coalesce(nullif(i->>'name', ''), p.name) AS name,
               coalesce(nullif(i->>'quantity', '')::numeric, 1) AS quantity,
               coalesce(nullif(i->>'unitPrice', '')::numeric, p.unit_price, 0) AS price,
               coalesce(nullif(i->>'discountPercent', '')::numeric, 0) AS discount,
               known @> jsonb_build_array(jsonb_build_object('productId', p.id)) AS is_known
          FROM jsonb_array_elements(items) WITH ORDINALITY AS e (i, n)
          LEFT JOIN pipeline.products p ON p.org_id = org AND p.id = nullif(i->>'productId', '')::uuid
         ORDER BY n
    LOOP
        IF item.id IS NULL OR (item.delete_time IS NOT NULL AND NOT item.is_known) THEN
            RAISE EXCEPTION USING COLUMN = format('line_items[%s].product_id', item.at), HINT = 'NO_SUCH_RECORD',
                MESSAGE = 'names a product that does not exist', DETAIL = '所指产品不存在';
        END IF;
        IF open AND item.discontinued AND NOT item.is_known THEN
            RAISE EXCEPTION USING COLUMN = format('line_items[%s].product_id', item.at), HINT = 'DISCONTINUED',
                MESSAGE = 'names a product that is no longer sold', DETAIL = '所指产品已停售';
        END IF;
        result := result || jsonb_build_object('productId', item.id, 'name', item.name,
            'quantity', item.quantity::text, 'unitPrice', item.price::text, 'discountPercent', item.discount::text,
            'amount', trim_scale(round(item.quantity * item.price * (1 - item.discount / 100), digits))::text);
    END LOOP;
    RETURN result;
END $$;

-- Amounts that are there and have more decimals than their currency are rounded, so that a deal can be sent back as it is read; the
-- log has what they were. The amount of a deal that follows its items follows them here, too. Nothing else is computed
-- anew: that happens when somebody changes the line items.
UPDATE pipeline.deals d
   SET amount = CASE WHEN NOT d.amount_follows_items THEN round(d.amount, c.digits) END,
       line_items = (SELECT coalesce(jsonb_agg(jsonb_set(i, '{amount}',
                                to_jsonb(trim_scale(round((i->>'amount')::numeric, c.digits))::text)) ORDER BY n), '[]')
                       FROM jsonb_array_elements(d.line_items) WITH ORDINALITY AS e (i, n))
  FROM identity.orgs o JOIN app.currencies c ON c.code = o.currency
 WHERE o.org_id = d.org_id
   AND (scale(trim_scale(d.amount)) > c.digits
        OR EXISTS (SELECT 1 FROM jsonb_array_elements(d.line_items) i
                    WHERE scale(trim_scale((i->>'amount')::numeric)) > c.digits));
