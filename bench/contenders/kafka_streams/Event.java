import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;

/** An event of W as a storefront publishes it: the fields of all four types. */
@JsonIgnoreProperties(ignoreUnknown = true)
public class Event {
    /** One line of an order. */
    @JsonIgnoreProperties(ignoreUnknown = true)
    public static class Item {
        @JsonProperty("product_id") public String productId;
        public String category;
        @JsonProperty("price_cents") public long priceCents;
        public int quantity = 1;
    }

    public String type;
    @JsonProperty("event_id") public String id;
    @JsonProperty("customer_id") public String customerId;
    @JsonProperty("occurred_at") public long at;
    @JsonProperty("product_id") public String productId;
    public String category;
    @JsonProperty("price_cents") public long priceCents;
    public int quantity = 1;
    public String currency;
    @JsonProperty("order_id") public String orderId;
    public List<Item> products;
    @JsonProperty("review_id") public String reviewId;
    public int rating;
}
