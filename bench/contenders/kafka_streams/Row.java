import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One customer, and what W's events change in it: state/customer.py and state/fold.py in Java. */
final class Row {
    static final long MINUTE = 60_000L, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
    private static final long SESSION_GAP = 30 * MINUTE, ONE_PURCHASE = 20 * HOUR;
    private static final long RECENT_ORDER_KEPT = 14 * DAY;
    private static final int GAPS_MAX = 8, CART_MAX = 20, VIEWED_MAX = 8, BOUGHT_MAX = 5;
    private static final int CATEGORIES_MAX = 3, PRODUCTS_MAX = 2, RECENT_ORDERS_MAX = 3;

    static final class CartLine {
        long quantity, priceCents, addedAt;
    }

    static final class RecentOrder {
        long placedAt, paidCents;
    }

    /** The gaps between purchases of all customers; not kept, as in bench/logic.py. */
    static final class Rhythm {
        long count;
        double days, daysSquared;

        void add(long gap) {
            double passed = gap / (double) DAY;
            count++;
            days += passed;
            daysSquared += passed * passed;
        }
    }

    long events, firstSeenAt, lastSeenAt;
    final Window orders = new Window(), views = new Window();
    long orderCount, spentCents, firstOrderAt, lastOrderAt;
    String currency = "";
    final List<Long> gapHours = new ArrayList<>();
    long sessionCount, sessionStartedAt, sessionLastAt, sessionViews;
    final Map<String, CartLine> cart = new LinkedHashMap<>();
    long cartChangedAt;
    final List<String> viewed = new ArrayList<>(), bought = new ArrayList<>();
    final Affinity categories = new Affinity(), products = new Affinity();
    final Map<String, RecentOrder> recentOrders = new LinkedHashMap<>();
    long ratingCount, ratingStars, ratingLast, ratingLastAt;
    String lastReviewId = "";
    final Map<String, Long> saidAt = new HashMap<>();

    void fold(Event event, Rhythm rhythm) {
        long at = event.at;
        events++;
        if (firstSeenAt == 0 || at < firstSeenAt) firstSeenAt = at;
        lastSeenAt = Math.max(lastSeenAt, at);
        switch (event.type) {
            case "order_placed" -> ordered(event, rhythm);
            case "product_viewed" -> {
                push(viewed, event.productId, VIEWED_MAX);
                like(event, 1.0);
            }
            case "product_added" -> added(event);
            case "review_posted" -> {
                reviewed(event);
                return;  // Whoever writes a review is not on a visit.
            }
            default -> throw new IllegalArgumentException(event.type);
        }
        visit(at, event.type.equals("product_viewed"));
    }

    private void visit(long at, boolean isView) {
        if (isView) views.add(at, lastSeenAt, 0);
        if (at > sessionLastAt + SESSION_GAP) {
            sessionCount++;
            sessionStartedAt = sessionLastAt = at;
            sessionViews = 0;
        } else if (at < sessionStartedAt - SESSION_GAP) {
            return;
        }
        if (at < sessionStartedAt) sessionStartedAt = at;
        else if (at > sessionLastAt) sessionLastAt = at;
        if (isView) sessionViews++;
    }

    private void like(Event event, double weight) {
        products.add(event.productId, weight, event.at, PRODUCTS_MAX);
        if (event.category == null) return;
        categories.add(event.category, weight, event.at, CATEGORIES_MAX);
    }

    private void added(Event event) {
        like(event, 3.0);
        if (event.at <= lastOrderAt) return;
        CartLine line = cart.get(event.productId);
        if (line == null) {
            line = new CartLine();
            line.quantity = event.quantity;
            line.priceCents = event.priceCents;
            line.addedAt = event.at;
            cart.put(event.productId, line);
            if (cart.size() > CART_MAX) removeOldest();
        } else {
            line.quantity += event.quantity;
            if (event.priceCents != 0) line.priceCents = event.priceCents;
            line.addedAt = Math.max(line.addedAt, event.at);
        }
        if (currency.isEmpty() && event.currency != null) currency = event.currency;
        cartChangedAt = Math.max(cartChangedAt, event.at);
    }

    private void removeOldest() {
        CartLine oldest = null;
        for (CartLine it : cart.values())
            if (oldest == null || it.addedAt < oldest.addedAt) oldest = it;
        cart.values().remove(oldest);
    }

    private void ordered(Event event, Rhythm rhythm) {
        long at = event.at, paid = 0;
        for (Event.Item it : event.products) paid += it.priceCents * it.quantity;
        orderCount++;
        spentCents += paid;
        currency = event.currency;
        if (firstOrderAt == 0 || at < firstOrderAt) firstOrderAt = at;
        if (lastOrderAt != 0 && at - lastOrderAt >= ONE_PURCHASE) {
            gapHours.add((at - lastOrderAt) / HOUR);
            if (gapHours.size() > GAPS_MAX) gapHours.remove(0);
            rhythm.add(at - lastOrderAt);
        }
        lastOrderAt = Math.max(lastOrderAt, at);
        orders.add(at, lastSeenAt, paid);
        for (Event.Item it : event.products) {
            products.add(it.productId, 5.0, at, PRODUCTS_MAX);
            if (it.category != null) categories.add(it.category, 5.0, at, CATEGORIES_MAX);
            push(bought, it.productId, BOUGHT_MAX);
        }
        cart.values().removeIf(it -> it.addedAt <= at);
        if (cart.isEmpty()) cartChangedAt = 0;
        keepRecent(event.orderId, at, paid);
    }

    private void keepRecent(String orderId, long at, long paid) {
        RecentOrder placed = new RecentOrder();
        placed.placedAt = at;
        placed.paidCents = paid;
        recentOrders.put(orderId, placed);
        long newest = 0;
        for (RecentOrder it : recentOrders.values()) newest = Math.max(newest, it.placedAt);
        long edge = newest - RECENT_ORDER_KEPT;
        recentOrders.values().removeIf(it -> it.placedAt < edge);
        while (recentOrders.size() > RECENT_ORDERS_MAX) {
            Iterator<RecentOrder> all = recentOrders.values().iterator();
            RecentOrder oldest = all.next();
            while (all.hasNext()) {
                RecentOrder it = all.next();
                if (it.placedAt < oldest.placedAt) oldest = it;
            }
            recentOrders.values().remove(oldest);
        }
    }

    private void reviewed(Event event) {
        ratingCount++;
        ratingStars += event.rating;
        if (event.at >= ratingLastAt) {
            ratingLast = event.rating;
            ratingLastAt = event.at;
            lastReviewId = event.reviewId;
        }
    }

    private static void push(List<String> names, String name, int max) {
        names.remove(name);
        names.add(name);
        if (names.size() > max) names.remove(0);
    }

    /** The binary form. out: where it is written; it can be used again. */
    byte[] pack(Packed out) {
        for (long it : new long[] {events, firstSeenAt, lastSeenAt, orderCount, spentCents,
            firstOrderAt, lastOrderAt, sessionCount, sessionStartedAt, sessionLastAt, sessionViews,
            cartChangedAt, ratingCount, ratingStars, ratingLast, ratingLastAt}) out.number(it);
        out.text(currency);
        out.text(lastReviewId);
        orders.write(out);
        views.write(out);
        out.number(gapHours.size());
        for (long it : gapHours) out.number(it);
        out.number(cart.size());
        cart.forEach((name, it) -> {
            out.text(name);
            out.number(it.quantity);
            out.number(it.priceCents);
            out.number(it.addedAt);
        });
        out.number(viewed.size());
        for (String it : viewed) out.text(it);
        out.number(bought.size());
        for (String it : bought) out.text(it);
        categories.write(out);
        products.write(out);
        out.number(recentOrders.size());
        recentOrders.forEach((name, it) -> {
            out.text(name);
            out.number(it.placedAt);
            out.number(it.paidCents);
        });
        out.number(saidAt.size());
        saidAt.forEach((kind, at) -> {
            out.text(kind);
            out.number(at);
        });
        return out.take();
    }

    static Row unpack(byte[] bytes) {
        Packed in = new Packed(bytes);
        Row row = new Row();
        row.events = in.number();
        row.firstSeenAt = in.number();
        row.lastSeenAt = in.number();
        row.orderCount = in.number();
        row.spentCents = in.number();
        row.firstOrderAt = in.number();
        row.lastOrderAt = in.number();
        row.sessionCount = in.number();
        row.sessionStartedAt = in.number();
        row.sessionLastAt = in.number();
        row.sessionViews = in.number();
        row.cartChangedAt = in.number();
        row.ratingCount = in.number();
        row.ratingStars = in.number();
        row.ratingLast = in.number();
        row.ratingLastAt = in.number();
        row.currency = in.text();
        row.lastReviewId = in.text();
        row.orders.read(in);
        row.views.read(in);
        for (int left = in.count(); left > 0; left--) row.gapHours.add(in.number());
        for (int left = in.count(); left > 0; left--) {
            CartLine line = new CartLine();
            row.cart.put(in.text(), line);
            line.quantity = in.number();
            line.priceCents = in.number();
            line.addedAt = in.number();
        }
        for (int left = in.count(); left > 0; left--) row.viewed.add(in.text());
        for (int left = in.count(); left > 0; left--) row.bought.add(in.text());
        row.categories.read(in);
        row.products.read(in);
        for (int left = in.count(); left > 0; left--) {
            RecentOrder order = new RecentOrder();
            row.recentOrders.put(in.text(), order);
            order.placedAt = in.number();
            order.paidCents = in.number();
        }
        for (int left = in.count(); left > 0; left--) row.saidAt.put(in.text(), in.number());
        return row;
    }
}
